/**
 * Decides what an option of a process is: one entry of one table, from which flag, environment
 * variable, default, validation, help and TypeScript type all follow, so that they cannot disagree.
 */
import type { z } from 'zod';

interface OptionEntry {
  /** As in help: `--ttl <duration>`; without `<…>` it is a switch, which `--no-…` turns off. */
  readonly flag: `--${string}`;
  /** Environment variable; an option without one can only be given as a flag. */
  readonly env?: `HERALD_${string}`;
  /** A sentence without a full stop: what it decides. */
  readonly description: string;
  /** Heading in `--help`; `Options` unless given. */
  readonly group?: string;
  /** Its value is never repeated in a message. */
  readonly secret?: boolean;
}

/** Takes one value; the last one given wins. Required, unless it has a default or is `optional`. */
export interface SingleOption extends OptionEntry {
  readonly repeatable?: false;
  readonly schema: z.ZodType<unknown, string>;
  /** As the user would write it. */
  readonly default?: string;
  /** May be left out without a default; it is then `undefined`. */
  readonly optional?: true;
}

/** Its flag is given once per value, its variable holds values with commas between them. */
export interface RepeatableOption extends OptionEntry {
  readonly repeatable: true;
  readonly schema: z.ZodType<unknown, string[]>;
  /** As the user would write them; an empty list unless given. */
  readonly default?: readonly string[];
}

export type ProcessOption = SingleOption | RepeatableOption;

/** Options by the name that the program reads them under. */
export type OptionTable = Readonly<Record<string, ProcessOption>>;

/** What a table's options are after validation. */
export type ParsedOptions<Table extends OptionTable> = {
  readonly [Name in keyof Table]:
    | z.output<Table[Name]['schema']>
    | (Table[Name] extends { readonly optional: true } ? undefined : never);
};

/** Keeps a table's literal types, and checks its form where it is written. */
export function defineOptions<const Table extends OptionTable>(table: Table): Table {
  return table;
}

/** `--ttl` of `--ttl <duration>`. */
export function flagName(option: ProcessOption): string {
  return option.flag.split(' ', 1)[0] ?? option.flag;
}

/** `<duration>` of `--ttl <duration>`, or undefined for a switch. */
export function valueName(option: ProcessOption): string | undefined {
  return /<.+>/.exec(option.flag)?.[0];
}
