/**
 * The log that stands for a database: every ticket that was sold, in order, on the disk. Decides whether a
 * write is let in (the fence), what a repeated request is sold (the ticket it has), and when a write is
 * acknowledged (once it is on the disk).
 *
 * A write is admitted, noted and put in line in one turn, so that nobody gets in between; the lines are
 * written in that order. On purpose nothing here looks whether a *number* was sold before: that is what
 * the leader answers for, and most of what leaders write has no such check.
 */
import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { compareTokens, fence } from '@herald/elector';
import type { Fence, FencingToken } from '@herald/elector';

export interface SoldTicket extends FencingToken {
  readonly number: number;
  readonly requestId: string;
  readonly customer: string;
}

/** One line of the file. Epochs are text, as JSON has no integers of 64 bits. */
type LogLine =
  | { readonly kind: 'opened'; readonly lineage: number; readonly epoch: string }
  | ({ readonly kind: 'sold'; readonly epoch: string } & Omit<SoldTicket, 'epoch'>);

interface Entry {
  readonly ticket: SoldTicket;
  readonly isDurable: Promise<void>;
}

export interface TicketLogOptions {
  /** False to let every leadership write at any time: to see what comes of it. True unless given. */
  readonly isFenced?: boolean;
}

export class TicketLog implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #fence: Fence | undefined;
  readonly #byRequest = new Map<string, Entry>();
  #lastNumber = 0;
  /** Lines that are not on the disk yet, and who waits for the flush that they go with. */
  #pending = '';
  #nextFlush: Promise<void> | undefined;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, lines: readonly LogLine[], isFenced: boolean) {
    this.#file = file;
    let highest: FencingToken | undefined;
    for (const line of lines) {
      const token = { lineage: line.lineage, epoch: BigInt(line.epoch) };
      if (highest === undefined || compareTokens(token, highest) > 0) highest = token;
      if (line.kind === 'sold') this.#note(toTicket(line), Promise.resolve());
    }
    // A fence that forgets lets everybody in, so that it is restored with the data.
    this.#fence = isFenced ? fence(highest) : undefined;
  }

  /** Opens the log in that file, or begins one. A last line that was cut short was never acknowledged. */
  static async open(path: string, { isFenced = true }: TicketLogOptions = {}): Promise<TicketLog> {
    const file = await open(path, 'a+');
    const { lines, wholeBytes } = parse(await readFile(path, 'utf8'));
    await file.truncate(wholeBytes);
    return new TicketLog(file, lines, isFenced);
  }

  /**
   * Passes the fence for a leadership that begins; from here on no earlier one gets in.
   *
   * @returns the highest number ever sold, 0 when none was
   * @throws ElectorError `STALE_EPOCH` when a later leadership was here before
   */
  async begin(token: FencingToken): Promise<number> {
    this.#fence?.admit(token);
    const lastNumber = this.#lastNumber;
    const { lineage, epoch } = token;
    await this.#write({ kind: 'opened', lineage, epoch: String(epoch) });
    return lastNumber;
  }

  /**
   * Writes down a ticket that was sold; resolves when it is on the disk.
   *
   * @returns the ticket; the one that the request has already, if it has
   * @throws ElectorError `STALE_EPOCH` when a later leadership was here before
   */
  async append({ number, requestId, customer, lineage, epoch }: SoldTicket): Promise<SoldTicket> {
    this.#fence?.admit({ lineage, epoch });
    let entry = this.#byRequest.get(requestId);
    if (entry === undefined) {
      const ticket = { number, requestId, customer, lineage, epoch };
      const isDurable = this.#write({ kind: 'sold', ...ticket, epoch: String(epoch) });
      entry = this.#note(ticket, isDurable);
    }
    await entry.isDurable;
    return entry.ticket;
  }

  /** Resolves when all that was admitted is on the disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  #note(ticket: SoldTicket, isDurable: Promise<void>): Entry {
    const entry = { ticket, isDurable };
    this.#byRequest.set(ticket.requestId, entry);
    this.#lastNumber = Math.max(this.#lastNumber, ticket.number);
    return entry;
  }

  /** All that come while the disk is busy share the next flush. */
  #write(line: LogLine): Promise<void> {
    this.#pending += `${JSON.stringify(line)}\n`;
    this.#nextFlush ??= this.#flushing = this.#flushing.then(async () => {
      const text = this.#pending;
      this.#pending = '';
      this.#nextFlush = undefined;
      await this.#file.appendFile(text);
      await this.#file.datasync();
    });
    return this.#nextFlush;
  }
}

/** Every ticket in the file, in the order in which they were written. */
export async function readTickets(path: string): Promise<readonly SoldTicket[]> {
  const { lines } = parse(await readFile(path, 'utf8'));
  return lines.flatMap((line) => (line.kind === 'sold' ? [toTicket(line)] : []));
}

function toTicket({ number, requestId, customer, lineage, epoch }: LogLine & { kind: 'sold' }) {
  return { number, requestId, customer, lineage, epoch: BigInt(epoch) };
}

function parse(text: string): {
  readonly lines: readonly LogLine[];
  readonly wholeBytes: number;
} {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const lines = whole.split('\n').slice(0, -1);
  return {
    lines: lines.map((line) => JSON.parse(line) as LogLine),
    wholeBytes: Buffer.byteLength(whole),
  };
}
