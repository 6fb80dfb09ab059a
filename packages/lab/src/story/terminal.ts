/**
 * Decides how the lab writes to people: headings, labelled rows that line up, and one line of
 * progress that a terminal redraws. To a pipe or a file the same words go without colour, and of the
 * progress only what has come to its end.
 */
import { styleText } from 'node:util';

/** Column at which the text of a row begins, after its label. */
const labelColumns = 22;
const indent = '   ';

export type Tone = 'plain' | 'bold' | 'dim' | 'good' | 'bad';

const formats = { bold: 'bold', dim: 'dim', good: 'green', bad: 'red' } as const;

/** The part of a stream that is written to. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export class Terminal {
  readonly #output: Output;
  readonly #isLive: boolean;
  readonly #hasColour: boolean;
  /** The progress that stands on the screen, without a line end. */
  #progress: string | undefined;

  constructor(output: Output, env: NodeJS.ProcessEnv = process.env) {
    this.#output = output;
    this.#isLive = output.isTTY === true && env['TERM'] !== 'dumb';
    this.#hasColour = this.#isLive && (env['NO_COLOR'] ?? '') === '';
  }

  /** The text in that tone, where there is colour. */
  tone(text: string, tone: Tone): string {
    if (!this.#hasColour || tone === 'plain') return text;
    // Whether there is colour was decided above, for this output; styleText would ask standard output.
    return styleText(formats[tone], text, { validateStream: false });
  }

  line(text = ''): void {
    this.#settleProgress();
    this.#output.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.tone(text, 'bold'));
  }

  /** `label` may be empty: the text then continues the row above. */
  row(label: string, text: string): void {
    this.line(this.#row(label, text));
  }

  /** A row that the next one with progress redraws, until `isDone`. */
  progress(label: string, text: string, isDone: boolean): void {
    const row = this.#row(label, text);
    if (this.#isLive) {
      this.#output.write(`\r\u001b[2K${row}`);
      this.#progress = row;
      if (isDone) this.#settleProgress();
    } else if (isDone) {
      this.line(row);
    }
  }

  #row(label: string, text: string): string {
    return `${indent}${this.tone(label.padEnd(labelColumns), 'dim')} ${text}`.trimEnd();
  }

  #settleProgress(): void {
    if (this.#progress === undefined) return;
    this.#progress = undefined;
    this.#output.write('\n');
  }
}
