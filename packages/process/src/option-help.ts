/**
 * Decides what `--help` looks like: options under their group, each with its variable and default,
 * within 80 columns. Commander lays it out; the words come from the option table.
 */
import type { Command, Help, Option } from 'commander';
import { processLimits } from './limits.ts';
import { flagName, valueName } from './option-table.ts';
import type { OptionTable, ProcessOption } from './option-table.ts';

/** Terms longer than this stand on a line of their own, so that descriptions keep their room. */
const termColumnsMax = 28;

const exitCodeText = [
  'Exit codes:',
  '  0  done, or stopped by a signal',
  '  1  failed while running, or did not stop in time',
  '  2  bad configuration, nothing was started',
  '  3  something it needs is unavailable: etcd, a port',
].join('\n');

/** The text of `--help`, from the commander program that parses the same table. */
export function helpText(
  program: Command,
  table: OptionTable,
  examples: readonly string[],
): string {
  const optionsByFlag = new Map<string | undefined, ProcessOption>(
    Object.values(table).map((option) => [flagName(option), option]),
  );
  program.configureHelp({
    helpWidth: processLimits.helpColumns,
    padWidth: () => termColumnsMax,
    optionTerm: (option) => optionsByFlag.get(option.long)?.flag ?? option.flags,
    optionDescription: (option) => describeOption(option, optionsByFlag.get(option.long)),
    formatItem,
  });
  const sections = [program.helpInformation().trimEnd()];
  if (examples.length > 0) {
    sections.push(['Examples:', ...examples.map((example) => `  ${example}`)].join('\n'));
  }
  const hasSwitchInEnvironment = Object.values(table).some(
    (option) => option.env !== undefined && valueName(option) === undefined,
  );
  if (hasSwitchInEnvironment) {
    sections.push('A switch that the environment turns on is turned off by --no-<switch>.');
  }
  sections.push(
    'A flag goes before its variable, a variable before the default. A variable with\n' +
      'several values holds them with commas between.',
    exitCodeText,
  );
  return `${sections.join('\n\n')}\n`;
}

function describeOption(option: Option, entry: ProcessOption | undefined): string {
  if (entry === undefined) return option.description;
  const notes: string[] = [];
  if (entry.repeatable === true) notes.push('repeatable');
  if (entry.env !== undefined) notes.push(entry.env);
  notes.push(...describeDefault(entry));
  return notes.length === 0 ? entry.description : `${entry.description} (${notes.join(', ')})`;
}

function describeDefault(entry: ProcessOption): readonly string[] {
  if (entry.repeatable === true) {
    const values = entry.default ?? [];
    return values.length === 0 ? [] : [`default ${values.join(',')}`];
  }
  if (entry.default !== undefined) return entry.secret === true ? [] : [`default ${entry.default}`];
  return entry.optional === true || valueName(entry) === undefined ? [] : ['required'];
}

function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const indent = ' '.repeat(termWidth + 4);
  const width = processLimits.helpColumns - indent.length;
  const lines = helper.boxWrap(description, width).split('\n');
  const isLong = term.length > termWidth;
  const first = isLong ? `  ${term}\n${indent}` : `  ${term.padEnd(termWidth)}  `;
  return `${first}${lines.join(`\n${indent}`)}`;
}
