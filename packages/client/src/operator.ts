/**
 * What an operator asks an elector: its state, to step down, to raise the lineage. Each is one question to
 * one address that the operator chose, and never repeated: to step down twice would end two leaderships.
 */
import type { Address, ElectionName } from '@herald/core';
import type {
  RaiseLineageResponse,
  RecordCheck,
  StatusResponse,
  StepDownResponse,
} from '@herald/wire';
import { attempt } from './attempt-call.ts';
import type { AttemptResult } from './attempt-call.ts';
import { AttemptLog } from './attempts.ts';
import type { Attempt, AttemptOutcome } from './attempts.ts';
import { checkTrusted } from './belief.ts';
import { parseElection, parseEndpoint, parseTimeout } from './client-options.ts';
import type { CallOptions } from './client-options.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { HeraldClientError } from './errors.ts';
import type { OperatorTransport, TransportCall } from './transport.ts';
import { defaults } from './tuning.ts';

export interface OperatorOptions {
  /** `host:port` of the elector. */
  readonly elector: string;
  readonly transport: OperatorTransport;
  /** Whose records are believed in its answers; of all unless given. */
  readonly trustedKeys?: RecordCheck;
  readonly clock?: Clock;
}

export interface StatusOptions extends CallOptions {
  /** All elections of the elector unless given. */
  readonly election?: string;
}

export interface StepDownOptions extends CallOptions {
  readonly election: string;
  /** For the elector's log and for people. */
  readonly reason?: string;
}

export interface RaiseLineageOptions extends CallOptions {
  /** Only says what is found, and what would be done; false unless given. */
  readonly dryRun?: boolean;
  /** The highest lineage that is known of from elsewhere; the new one will be above it. */
  readonly knownLineage?: number;
  /** Raises to at least this lineage, also where nothing is wrong. */
  readonly atLeast?: number;
}

export interface Operator extends AsyncDisposable {
  status(options?: StatusOptions): Promise<StatusResponse>;
  /** Ends the elector's leadership, if it leads; it campaigns again behind the others. */
  stepDown(options: StepDownOptions): Promise<StepDownResponse>;
  /**
   * The way on when etcd's history was lost: a higher lineage, under which all electors go on. Done only
   * where the elector finds it needed, or `atLeast` asks for it, and no former leader can still lead.
   */
  raiseLineage(options?: RaiseLineageOptions): Promise<RaiseLineageResponse>;
}

/** `createOperator` without a default transport. */
export function createOperatorOver(options: OperatorOptions): Operator {
  const elector = parseEndpoint(options.elector, 'elector');
  const { clock = systemClock, transport, trustedKeys } = options;
  const ask = <Answer>(
    what: Attempt['what'],
    call: CallOptions,
    send: (call: TransportCall) => Promise<Answer>,
  ): Promise<Answer> => askOnce({ clock, elector, what, call, send });
  return {
    status: async (call = {}) => {
      const election = call.election === undefined ? undefined : parseElection(call.election);
      return ask('status', call, async (sent) => {
        const status = await transport.status(elector, { election }, sent);
        for (const { best } of status.elections) checkTrusted(best, trustedKeys);
        return status;
      });
    },
    stepDown: async (call) => {
      const election: ElectionName = parseElection(call.election);
      const request = { election, reason: call.reason ?? '' };
      return ask('step-down', call, (sent) => transport.stepDown(elector, request, sent));
    },
    raiseLineage: async (call = {}) => {
      const knownLineage = parseLineage(call.knownLineage, 'knownLineage');
      const atLeast = parseLineage(call.atLeast, 'atLeast');
      const request = { dryRun: call.dryRun ?? false, knownLineage, atLeast };
      return ask('raise-lineage', call, (sent) => transport.raiseLineage(elector, request, sent));
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** Lineages are 32 bits wide on the wire. */
const lineageMax = 2 ** 32 - 1;

function parseLineage(value: number | undefined, field: string): number {
  if (value === undefined) return 0;
  if (Number.isInteger(value) && value >= 0 && value <= lineageMax) return value;
  const message = `${field}: must be a whole number from 0 to ${String(lineageMax)}, got ${String(value)}`;
  throw new HeraldClientError('INVALID_ARGUMENT', message);
}

interface Question<Answer> {
  readonly clock: Clock;
  readonly elector: Address;
  readonly what: Attempt['what'];
  readonly call: CallOptions;
  readonly send: (call: TransportCall) => Promise<Answer>;
}

async function askOnce<Answer>(question: Question<Answer>): Promise<Answer> {
  const { call, clock, elector, send, what } = question;
  const log = new AttemptLog();
  const timeoutMs = parseTimeout(call.timeoutMs, defaults.timeoutMs);
  const signal = call.signal ?? new AbortController().signal;
  const result = await attempt({
    clock,
    endpoint: elector,
    what,
    timeoutMs,
    signal,
    log,
    ask: send,
    judge: () => 'answered',
  });
  if (result.kind === 'answered') return result.answer;
  throw failureOf(question, result, timeoutMs, log);
}

function failureOf<Answer>(
  question: Question<Answer>,
  result: Extract<AttemptResult<Answer>, { kind: 'failed' }>,
  timeoutMs: number,
  log: AttemptLog,
): HeraldClientError {
  const { call, elector } = question;
  const { attempts } = log;
  switch (result.outcome) {
    case 'timeout': {
      const message = `the elector at ${elector} did not answer within ${String(timeoutMs)} ms`;
      return new HeraldClientError('DEADLINE_EXCEEDED', message, { attempts });
    }
    case 'pending': {
      const cause: unknown = call.signal?.reason;
      const message = `the question to the elector at ${elector} was aborted by its signal`;
      return new HeraldClientError('ABORTED', message, { attempts, cause });
    }
    default: {
      const verb = verbOf(result.outcome);
      const message = `the elector at ${elector} ${verb}: ${result.error.message}`;
      return new HeraldClientError(result.error.code, message, { attempts, cause: result.error });
    }
  }
}

function verbOf(outcome: AttemptOutcome): string {
  if (outcome === 'untrusted') return 'is not believed';
  return outcome === 'rejected' ? 'refused' : 'could not be reached';
}
