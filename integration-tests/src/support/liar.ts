/** Somebody with a certificate of ours that greets as a member does, and then pushes whatever it is told to. */
import { parseAddress, parseClusterName, parseNodeId, protocolVersions } from '@herald/core';
import type { Frame, Role, SealedRecord } from '@herald/core';
import { waitUntil } from '@herald/lab';
import { channelOptions, GossipClient } from '@herald/wire';
import type { IncomingFrame, TlsKeeper } from '@herald/wire';
import { patienceMs } from './test-cluster.ts';

export class Liar implements Disposable {
  /** All that it was sent. */
  readonly frames: IncomingFrame[] = [];
  readonly #client: GossipClient;
  readonly #stream;
  #ended: string | undefined;

  private constructor(address: string, tls: TlsKeeper) {
    const channel = tls.memberChannel(() => undefined);
    this.#client = new GossipClient(address, channel, channelOptions.link);
    this.#stream = this.#client.link();
    this.#stream.on('data', (frame: IncomingFrame) => this.frames.push(frame));
    this.#stream.on('error', (error: Error) => (this.#ended = error.message));
  }

  /** Resolves when it is welcome. */
  static async at(address: string, name: string, tls: TlsKeeper): Promise<Liar> {
    const liar = new Liar(address, tls);
    const { cluster, role } = tls.identity;
    const self = { nodeId: parseNodeId(name), generation: 1, address: parseAddress('127.0.0.1:1') };
    liar.#say({
      ...{ kind: 'hello', cluster: parseClusterName(cluster), probe: false },
      ...{ protocolMin: 1, protocolMax: protocolVersions.max },
      member: { ...self, role: role as Role },
    });
    await waitUntil(
      `${name} to be welcome`,
      () => liar.frames.some(({ kind }) => kind === 'welcome'),
      { timeoutMs: patienceMs },
    );
    return liar;
  }

  push(sealed: SealedRecord): void {
    this.#say({ kind: 'push', mode: 'eager', sealed, ageMs: 0, hops: 0 });
  }

  /** The first record of that election that it is pushed. */
  async pushed(election: string): Promise<SealedRecord> {
    return waitUntil(
      'a record that is pushed',
      () =>
        this.frames.flatMap((frame) =>
          frame.kind === 'push' && frame.sealed.record.election === election ? [frame.sealed] : [],
        )[0],
      { timeoutMs: patienceMs },
    );
  }

  /** Resolves with the reason for which its link was ended. Frames are read in order: all before were read. */
  async ended(): Promise<string> {
    return waitUntil('the end of its link', () => this.#ended, { timeoutMs: patienceMs });
  }

  #say(frame: Frame): void {
    this.#stream.write(frame);
  }

  [Symbol.dispose](): void {
    this.#stream.cancel();
    this.#client.close();
  }
}
