/**
 * Who looks at a cluster in containers while it is troubled: a client that asks without pause, one that
 * watches, and one that asks how many members have applied the newest change. Decides when all is well
 * again, and holds all that was seen against P1, P2 and P5.
 */
import assert from 'node:assert/strict';
import { createClient, HeraldClientError } from '@herald/client';
import type { Client, ClientErrorCode } from '@herald/client';
import { waitUntil } from '@herald/lab';
import type { ConvergenceAnswer } from '@herald/wire';
import type { SeenLeadership } from '../fixtures/sampling-protocol.ts';
import { AskingClient } from '../support/asking-client.ts';
import { ForwardOnly } from '../support/forward-only.ts';
import { assertOneLeaderAtATime } from '../support/leaderships.ts';
import type { ComposeCluster } from './compose-cluster.ts';

export const election = 'payments';

/** For what takes seconds on an idle machine, and is done by two dozen containers on a busy one. */
const patienceMs = 180_000;
/** Between two looks: each reads the logs of all electors. */
const lookMs = 250;
/** Short, so that a client that asks is told of trouble often rather than waits it out. */
const askMs = 2_000;
const askOnceMs = 5_000;

/** What a call may say while nobody can be believed to lead. */
const expectedErrors: ReadonlySet<ClientErrorCode> = new Set<ClientErrorCode>([
  'NO_LEADER',
  'EXPIRED',
  'UNREACHABLE',
  'DEADLINE_EXCEEDED',
]);

export class Observers implements AsyncDisposable {
  readonly asking: AskingClient;
  readonly watching: AskingClient;
  readonly #cluster: ComposeCluster;
  readonly #counting: Client;
  readonly #judge = new ForwardOnly();

  constructor(cluster: ComposeCluster) {
    const judge = this.#judge;
    const seeds = [cluster.publishedAddress];
    const { security } = cluster;
    const common = { seeds, election, judge, security };
    this.#cluster = cluster;
    this.asking = new AskingClient({ ...common, name: 'one who asks', ask: { timeoutMs: askMs } });
    this.watching = new AskingClient({ ...common, name: 'one who watches' });
    // Its questions are not about leaders, so it never learns of other nodes: it asks the published one.
    this.#counting = createClient({ seeds, election, ...security });
  }

  /**
   * Waits until one elector leads under an epoch above `afterEpoch`, and all who are there know it: as
   * many members as compose runs but for `absent`, and both clients.
   */
  untilAllKnowOneLeader({
    afterEpoch = 0n,
    absent = 0,
  }: { readonly afterEpoch?: bigint; readonly absent?: number } = {}): Promise<SeenLeadership> {
    const members = this.#cluster.memberCount - absent;
    const what = `one leader after epoch ${afterEpoch}, known by ${members} members and by clients`;
    return this.until(what, async () => {
      const [leader, ...others] = await this.leading();
      if (leader === undefined || others.length > 0 || leader.epoch <= afterEpoch) return undefined;
      const counted = await this.convergence();
      if (counted?.newest?.epoch !== leader.epoch || counted.applied < members) return undefined;
      return [this.asking, this.watching].every((client) => isTold(client, leader)) && leader;
    });
  }

  /** Waits for `condition`; a failure says how things stand. */
  async until<T>(
    what: string,
    condition: () => Promise<T | undefined | false> | T | undefined | false,
  ): Promise<T> {
    try {
      return await waitUntil(what, condition, { timeoutMs: patienceMs, pollMs: lookMs });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\n${await this.#describe()}`, { cause: error });
    }
  }

  /** Leaderships that have not ended: those of electors that say now that they lead. */
  async leading(): Promise<readonly SeenLeadership[]> {
    return (await this.#cluster.leaderships()).filter(({ hasEnded }) => !hasEnded);
  }

  /** What the published node knows of how far the newest change has spread; undefined while it is away. */
  async convergence(): Promise<ConvergenceAnswer | undefined> {
    try {
      return await this.#counting.convergence({ timeoutMs: askOnceMs });
    } catch (error) {
      if (error instanceof HeraldClientError) return undefined;
      throw error;
    }
  }

  /** Codes of the errors that the asking client was given from its `since`-th failure on. */
  errorCodes(since = 0): ReadonlySet<ClientErrorCode | 'not typed'> {
    const codes = this.asking.failures
      .slice(since)
      .map((error) => (error instanceof HeraldClientError ? error.code : 'not typed'));
    return new Set(codes);
  }

  /** To be called when one elector leads and all others are awake: only then have all told what they led. */
  async assertPromisesHeld(): Promise<void> {
    assertOneLeaderAtATime(await this.#cluster.leaderships());
    this.#judge.assertHeld();
    for (const code of this.errorCodes()) {
      assert.ok(code !== 'not typed' && expectedErrors.has(code), `P5: a call failed with ${code}`);
    }
    assert.ok(this.#judge.count > 0, 'the clients were told something');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.asking.stop(), this.watching.stop(), this.#counting.close()]);
  }

  async #describe(): Promise<string> {
    const led = await this.#cluster.leaderships();
    const counted = await this.convergence();
    const newest = counted?.newest?.epoch;
    return [
      'how things stood:',
      ...led.map(
        ({ electorId, epoch, hasEnded }) =>
          `${electorId} led under epoch ${epoch}${hasEnded ? '' : ' and goes on'}`,
      ),
      counted === undefined
        ? 'the published node does not answer'
        : `${counted.applied} of ${counted.live} live members at epoch ${String(newest)}`,
      ...[this.asking, this.watching].map(
        ({ last }) => `a client was told: ${last?.status ?? 'nothing'} ${String(last?.epoch)}`,
      ),
      await this.#cluster.describe(),
    ].join('\n');
  }
}

function isTold({ last }: AskingClient, leader: SeenLeadership): boolean {
  return (
    last?.status === 'current' && last.epoch === leader.epoch && last.leaderId === leader.electorId
  );
}
