/**
 * The network between the processes of a fault test. Each process dials through a line of its own
 * (`fixtures/dial-through.ts`), so that the switchboard knows who calls whom, and decides for each pair what
 * becomes of what they send each other: a partition of the tier, a slow etcd, a bad line for one.
 *
 * What it cannot show: a dial of a process that is gone ends in a reset rather than a refusal.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ProxiedConnection } from '@herald/lab';
import type { NetworkCondition } from '@herald/lab';

const host = '127.0.0.1';
/** `host:port` and the end of the line. */
const firstLineBytesMax = 64;

/** What the line between two is like, whoever of them dialed. */
export type NetworkRule = (dialer: string, dialed: string) => NetworkCondition;

const clear: NetworkRule = () => ({ kind: 'clear' });

interface Call {
  readonly dialer: string;
  readonly dialed: string;
  readonly connection: ProxiedConnection;
}

export class Switchboard implements AsyncDisposable {
  readonly #lines = new Map<string, Server>();
  readonly #owners = new Map<string, string>();
  readonly #calls = new Set<Call>();
  #rule: NetworkRule = clear;

  /** The port that the process of that name dials through; a process that comes back has it again. */
  async line(name: string): Promise<number> {
    let line = this.#lines.get(name);
    if (line === undefined) {
      line = createServer((near) => {
        this.#answer(name, near);
      });
      line.listen(0, host);
      await once(line, 'listening');
      this.#lines.set(name, line);
    }
    return (line.address() as AddressInfo).port;
  }

  /** Says who listens at a port. */
  assign(port: number, name: string): void {
    this.#owners.set(`${host}:${port}`, name);
  }

  /** Takes effect at once, for connections that stand and for those to come. */
  set(rule: NetworkRule): void {
    this.#rule = rule;
    for (const { dialer, dialed, connection } of [...this.#calls]) {
      connection.set(rule(dialer, dialed));
    }
  }

  clear(): void {
    this.set(clear);
  }

  /** Neither side hears of the other, nor learns that it does not. */
  separate(isOnOtherSide: (name: string) => boolean): void {
    this.set((dialer, dialed) =>
      isOnOtherSide(dialer) === isOnOtherSide(dialed) ? { kind: 'clear' } : { kind: 'black-hole' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connection } of [...this.#calls]) connection.destroy();
    const closed = [...this.#lines.values()].map(async (line) => {
      const gone = once(line, 'close');
      line.close();
      await gone;
    });
    await Promise.all(closed);
  }

  #answer(dialer: string, near: Socket): void {
    near.on('error', () => undefined);
    near.once('data', (bytes: Buffer) => {
      const end = bytes.subarray(0, firstLineBytesMax).indexOf('\n');
      if (end < 0) throw new Error(`${dialer} dialed without saying whom`);
      near.pause();
      near.unshift(bytes.subarray(end + 1));
      this.#connect(dialer, bytes.subarray(0, end).toString(), near);
    });
  }

  #connect(dialer: string, target: string, near: Socket): void {
    const dialed = this.#owners.get(target) ?? target;
    const condition = this.#rule(dialer, dialed);
    if (condition.kind === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const port = Number(target.slice(target.lastIndexOf(':') + 1));
    const far = connect({ host, port });
    const connection = new ProxiedConnection(near, far, () => {
      this.#calls.delete(call);
    });
    const call: Call = { dialer, dialed, connection };
    this.#calls.add(call);
    connection.set(condition);
    near.resume();
  }
}
