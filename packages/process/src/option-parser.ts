/**
 * Decides what a process was told: flag before variable before default, every value checked, all
 * problems reported together under the name that the user wrote. Commander splits the arguments
 * and lays out the help; it neither validates nor ends the process, so that nothing stops at the
 * first error.
 */
import { assert } from '@herald/core';
import { Command, Option } from 'commander';
import type { z } from 'zod';
import { processLimits } from './limits.ts';
import { nearestName } from './nearest-name.ts';
import { helpText } from './option-help.ts';
import { flagName, valueName } from './option-table.ts';
import type { OptionTable, ParsedOptions, ProcessOption } from './option-table.ts';
import { exitCodes } from './process-error.ts';

/** What is known of a process before it starts. */
export interface ProcessDefinition<Table extends OptionTable> {
  /** The command, e.g. `herald-elector`. */
  readonly name: string;
  /** What it does, in a sentence or two. */
  readonly summary: string;
  readonly version: string;
  readonly options: Table;
  /** Command lines for `--help`. */
  readonly examples?: readonly string[];
  /** Rules between options; asked only when each option by itself is valid. */
  readonly check?: (options: ParsedOptions<Table>) => readonly OptionProblem[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** One thing that is wrong with what the user gave. */
export interface OptionProblem {
  /** As the user wrote it: `--ttl` or `HERALD_TTL`. */
  readonly field: string;
  /** What is wrong, what was given, what would be right: `must be at least 1s, got 0s`. */
  readonly message: string;
}

export type OptionsOutcome<Table extends OptionTable> =
  | {
      readonly kind: 'options';
      readonly options: ParsedOptions<Table>;
      /** For the log: variables with Herald's prefix that this process does not know. */
      readonly warnings: readonly string[];
    }
  /** `--help` or `--version`: print to standard output and end. */
  | { readonly kind: 'help'; readonly exitCode: typeof exitCodes.ok; readonly text: string }
  /** Bad configuration: print to standard error and end, nothing started. */
  | {
      readonly kind: 'refused';
      readonly exitCode: typeof exitCodes.badConfiguration;
      readonly problems: readonly OptionProblem[];
      readonly text: string;
    };

/** Reads `argv` (without node and script) and `env` by the definition's table. */
export function parseProcessOptions<const Table extends OptionTable>(
  request: ProcessDefinition<Table> & {
    readonly argv: readonly string[];
    readonly env: Environment;
  },
): OptionsOutcome<Table> {
  const { name, summary, options: table, argv, env, check, examples = [] } = request;
  assertTable(table);
  const { program, given } = buildProgram({ name, summary, options: table });
  const { operands, unknown } = program.parseOptions([...argv]);
  if (given.has('--help')) {
    return { kind: 'help', exitCode: exitCodes.ok, text: helpText(program, table, examples) };
  }
  if (given.has('--version')) {
    return { kind: 'help', exitCode: exitCodes.ok, text: `${name} ${request.version}\n` };
  }

  const problems = [...operands.map(describeArgument), ...describeUnknown(unknown, table)];
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const reading = readOption(option, given.get(flagName(option)), env);
    values[key] = reading.value;
    problems.push(...reading.problems);
  }
  // Each value is the output of its entry's schema, which is what ParsedOptions says of it.
  const options = values as ParsedOptions<Table>;
  if (problems.length === 0) problems.push(...(check?.(options) ?? []));
  if (problems.length > 0) return refuse(name, problems);
  return { kind: 'options', options, warnings: warnOfUnknownVariables(name, table, env) };
}

/** The outcome, and the text for the operator, of bad configuration. */
function refuse(name: string, problems: readonly OptionProblem[]) {
  const lines = problems.map(({ field, message }) => `  ${field}: ${message}`);
  const text = [
    `${name}: bad configuration, nothing was started`,
    ...lines,
    `Run ${name} --help for every option.`,
    '',
  ].join('\n');
  return { kind: 'refused', exitCode: exitCodes.badConfiguration, problems, text } as const;
}

/** What stood behind a flag, in order; null where a value was missing. */
type Given = Map<string, (string | null)[]>;

function buildProgram(
  definition: Pick<ProcessDefinition<OptionTable>, 'name' | 'summary' | 'options'>,
): {
  readonly program: Command;
  readonly given: Given;
} {
  const program = new Command(definition.name);
  const given: Given = new Map();
  const add = (flags: string, option: Option, read: (value: unknown) => string | null): void => {
    program.addOption(option);
    program.on(`option:${option.name()}`, (value: unknown) => {
      given.set(flags, [...(given.get(flags) ?? []), read(value)]);
    });
  };
  program.description(definition.summary).helpOption(false).exitOverride();
  for (const entry of Object.values(definition.options)) {
    const flag = flagName(entry);
    const group = `${entry.group ?? 'Options'}:`;
    if (valueName(entry) === undefined) {
      add(flag, new Option(flag, entry.description).helpGroup(group), () => 'true');
      add(flag, new Option(flag.replace('--', '--no-')).hideHelp(), () => 'false');
    } else {
      // To commander every value is optional: a missing one is then ours to report, with the rest.
      const option = new Option(`${flag} [value]`, entry.description).helpGroup(group);
      add(flag, option, (value) => (typeof value === 'string' ? value : null));
    }
  }
  add('--help', new Option('-h, --help', 'Show this help').helpGroup('Help:'), () => null);
  const versionOption = new Option('-V, --version', 'Show the version').helpGroup('Help:');
  add('--version', versionOption, () => null);
  return { program, given };
}

interface Reading {
  readonly value?: unknown;
  readonly problems: readonly OptionProblem[];
}

/** Where an option's value comes from, and under what name its problems are reported. */
interface Source {
  readonly kind: 'flag' | 'variable' | 'default';
  readonly field: string;
  readonly texts: readonly (string | null)[];
}

function readOption(
  option: ProcessOption,
  given: readonly (string | null)[] | undefined,
  env: Environment,
): Reading {
  const source = findSource(option, given, env);
  if (source === undefined) {
    const isOptional = option.repeatable !== true && option.optional === true;
    return { problems: isOptional ? [] : [describeMissing(option)] };
  }
  const texts = source.texts.filter((value) => value !== null);
  if (texts.length < source.texts.length) {
    const message = `needs a value, as in ${option.flag}`;
    return { problems: [{ field: source.field, message }] };
  }
  const result: z.ZodSafeParseResult<unknown> =
    option.repeatable === true
      ? option.schema.safeParse(texts)
      : option.schema.safeParse(texts.at(-1) ?? '');
  if (result.success) return { value: result.data, problems: [] };
  if (option.repeatable === true && texts.length === 0) {
    return { problems: [describeMissing(option)] };
  }
  return {
    problems: result.error.issues.map((issue) => describeIssue(option, source, texts, issue)),
  };
}

function findSource(
  option: ProcessOption,
  given: readonly (string | null)[] | undefined,
  env: Environment,
): Source | undefined {
  const flag = flagName(option);
  if (given !== undefined) return { kind: 'flag', field: flag, texts: given };
  const variable = option.env === undefined ? '' : (env[option.env] ?? '').trim();
  if (option.env !== undefined && variable !== '') {
    const parts = option.repeatable === true ? variable.split(',') : [variable];
    const texts = parts.map((part) => part.trim()).filter((part) => part !== '');
    return { kind: 'variable', field: option.env, texts };
  }
  if (option.repeatable === true) {
    return { kind: 'default', field: flag, texts: option.default ?? [] };
  }
  const isSwitch = valueName(option) === undefined;
  const fallback = option.default ?? (isSwitch && option.optional !== true ? 'false' : undefined);
  if (fallback === undefined) return undefined;
  return { kind: 'default', field: flag, texts: [fallback] };
}

function describeMissing(option: ProcessOption): OptionProblem {
  const variable = option.env === undefined ? '' : ` or set ${option.env}`;
  return { field: flagName(option), message: `is required; give ${option.flag}${variable}` };
}

function describeIssue(
  option: ProcessOption,
  source: Source,
  texts: readonly string[],
  issue: z.core.$ZodIssue,
): OptionProblem {
  const index = issue.path[0];
  const isWholeList = option.repeatable === true && typeof index !== 'number';
  const text = isWholeList ? undefined : typeof index === 'number' ? texts[index] : texts.at(-1);
  const origin = source.kind === 'default' ? ' (the default)' : '';
  return { field: source.field, message: `${withGiven(option, issue.message, text)}${origin}` };
}

/** Adds what was given to a message that does not say it; hides it where it is a secret. */
function withGiven(option: ProcessOption, message: string, text: string | undefined): string {
  if (option.secret === true) {
    return text !== undefined && text !== '' && message.includes(text) ? 'is not valid' : message;
  }
  if (text === undefined || message.includes(', got ')) return message;
  return `${message}, got ${quoteGiven(text)}`;
}

/** The text as the user wrote it if it is a plain word; quoted, cut and without URL passwords. */
function quoteGiven(text: string): string {
  const { givenCharactersMax } = processLimits;
  const shown = text.replace(/\/\/[^/\s]*@/, '//…@');
  const cut = shown.length > givenCharactersMax ? `${shown.slice(0, givenCharactersMax)}…` : shown;
  return /^[\w.:/@=+[\]…-]+$/.test(cut) ? cut : JSON.stringify(cut);
}

function describeArgument(argument: string): OptionProblem {
  return { field: quoteGiven(argument), message: 'is not expected here; options start with --' };
}

/** Commander's rest after the first unknown flag; a word behind a flag is taken for its value. */
function describeUnknown(unknown: readonly string[], table: OptionTable): OptionProblem[] {
  const separator = unknown.indexOf('--');
  const end = separator === -1 ? unknown.length : separator;
  const problems: OptionProblem[] = [];
  unknown.slice(0, end).forEach((token, index) => {
    if (token.startsWith('-')) problems.push(describeUnknownFlag(token, table));
    else if (!(unknown[index - 1] ?? '').startsWith('-')) problems.push(describeArgument(token));
  });
  return [...problems, ...unknown.slice(end + 1).map(describeArgument)];
}

function describeUnknownFlag(token: string, table: OptionTable): OptionProblem {
  const field = token.split('=', 1)[0] ?? token;
  const flags = Object.values(table).map(flagName);
  if (flags.includes(field)) {
    const message = `is a switch and takes no value; write ${field} or ${field.replace('--', '--no-')}`;
    return { field, message };
  }
  const nearest = nearestName(`--${field.replace(/^-+/, '')}`, [...flags, '--help', '--version']);
  const fix = nearest === undefined ? '--help lists the known ones' : `did you mean ${nearest}?`;
  return { field, message: `is not a known flag; ${fix}` };
}

function warnOfUnknownVariables(name: string, table: OptionTable, env: Environment): string[] {
  const known = new Set<string>();
  for (const option of Object.values(table)) if (option.env !== undefined) known.add(option.env);
  return Object.keys(env)
    .filter((variable) => variable.startsWith('HERALD_') && !known.has(variable))
    .map((variable) => {
      const nearest = nearestName(variable, known);
      const hint = nearest === undefined ? 'it is ignored' : `did you mean ${nearest}?`;
      return `${variable} is not a variable of ${name}; ${hint}`;
    });
}

/** A table that contradicts itself is our own mistake, found by its process's first start. */
function assertTable(table: OptionTable): void {
  const names = new Set(['--help', '--version']);
  for (const option of Object.values(table)) {
    const isSwitch = valueName(option) === undefined;
    const own = [flagName(option), ...(isSwitch ? [flagName(option).replace('--', '--no-')] : [])];
    if (option.env !== undefined) own.push(option.env);
    for (const each of own) {
      assert(!names.has(each), `two options are called ${each}`);
      names.add(each);
    }
  }
}
