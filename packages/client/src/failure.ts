/**
 * Decides which error a call that ended without a result throws: what the nodes answered, if any
 * did, else how the questions failed. The message says what to do.
 */
import { ageMs } from '@herald/core';
import type { Address, ElectionName } from '@herald/core';
import type { Attempt } from './attempts.ts';
import { HeraldClientError } from './errors.ts';
import type { ClientErrorCode } from './errors.ts';
import type { KnownRecord } from './known-record.ts';
import type { PendingCall } from './pending-call.ts';
import { shortfall } from './requirement.ts';

export interface FailureContext {
  readonly election: ElectionName;
  /** What was asked for, e.g. `the leader of payments`. */
  readonly question: string;
  readonly call: PendingCall;
  readonly known: KnownRecord | undefined;
  readonly nowMs: number;
}

interface Verdict {
  readonly code: ClientErrorCode;
  readonly message: string;
  readonly cause?: unknown;
}

export function failureOf(context: FailureContext): HeraldClientError {
  const { code, message, cause } = judge(context);
  const { attempts, redirects, retries } = context.call.log;
  return new HeraldClientError(code, message, { cause, attempts, redirects, retries });
}

function judge(context: FailureContext): Verdict {
  const { call, election, nowMs, question } = context;
  const tookMs = Math.round(nowMs - call.startedAtMs);
  switch (call.endReason) {
    case 'aborted': {
      const message = `the search for ${question} was aborted by its signal after ${String(tookMs)} ms`;
      return { code: 'ABORTED', message, cause: call.callerSignal?.reason };
    }
    case 'closed':
      return { code: 'CLOSED', message: `the client of ${election} was closed` };
    case 'deadline':
    case undefined: {
      // An elector is asked only when a leader is known: then what is known decides, too.
      const wasVerifying = call.log.attempts.some(({ what }) => what === 'confirm');
      return call.log.answered > 0 || wasVerifying ? judgeAnswers(context) : judgeSilence(context);
    }
  }
}

/** Somebody answered: what is known decides. */
function judgeAnswers(context: FailureContext): Verdict {
  const { call, election, known, nowMs } = context;
  const within = `within ${String(call.timeoutMs)} ms`;
  const missing = shortfall(known, call.requirement, nowMs);
  const age = known === undefined ? 0 : Math.round(ageMs(known, nowMs));
  switch (missing) {
    case 'nothing-known':
      return {
        code: 'NO_LEADER',
        message: `no node that answered ${within} has heard of election ${election}: check the name, and that an elector campaigns in it`,
      };
    case 'vacant':
      return {
        code: 'NO_LEADER',
        message: `nobody leads ${election} since epoch ${epochOf(known)} ended, and nobody was elected ${within}: check that electors run and reach etcd`,
      };
    case 'epoch-too-low':
      return {
        code: 'NO_LEADER',
        message: `no leader of ${election} with epoch ${String(call.requirement.minEpoch)} or newer became known ${within}; the newest is epoch ${epochOf(known)}`,
      };
    case 'expired':
      return {
        code: 'EXPIRED',
        message: `the leader of ${election} that is known (epoch ${epochOf(known)}) has not been renewed for ${String(age)} ms: check that electors run, reach etcd, and are linked to the nodes; allowExpired returns it all the same`,
      };
    case 'too-old':
      return {
        code: 'EXPIRED',
        message: `the newest record of ${election} is ${String(age)} ms old, and no newer one became known ${within}; the call allows ${String(call.requirement.maxAgeMs)} ms`,
      };
    case undefined:
      return judgeUnverified(context);
  }
}

/** A leader is known, so it was its elector that did not say yes. */
function judgeUnverified(context: FailureContext): Verdict {
  const { call, election } = context;
  const last = call.log.attempts.findLast(({ what }) => what === 'confirm');
  const within = `within ${String(call.timeoutMs)} ms`;
  if (last?.outcome === 'not-leading') {
    return {
      code: 'NOT_LEADER',
      message: `the elector at ${last.endpoint} says that it does not lead ${election}, and no newer leader became known ${within}`,
    };
  }
  if (last === undefined || last.outcome === 'pending' || last.outcome === 'timeout') {
    const who = last === undefined ? 'the nodes' : `the elector at ${last.endpoint}`;
    return {
      code: 'DEADLINE_EXCEEDED',
      message: `${who} did not answer ${within}, so that the leader of ${election} is not verified`,
    };
  }
  return {
    code: last.outcome === 'rejected' ? 'REJECTED' : 'UNREACHABLE',
    message: `the elector at ${last.endpoint} could not be asked whether it leads ${election}${said(last)}`,
  };
}

/** Nobody answered: how the questions failed decides. */
function judgeSilence(context: FailureContext): Verdict {
  const { call, question } = context;
  const { attempts } = call.log;
  const within = `within ${String(call.timeoutMs)} ms`;
  const asked = listOf(attempts.map(({ endpoint }) => endpoint));
  const unreachable = attempts.findLast(({ outcome }) => outcome === 'unreachable');
  if (unreachable !== undefined) {
    return {
      code: 'UNREACHABLE',
      message: `no node could be reached ${within} to ask for ${question} (asked ${asked})${said(unreachable)}; check the seeds`,
    };
  }
  const rejected = attempts.findLast(({ outcome }) => outcome === 'rejected');
  if (rejected !== undefined) {
    return {
      code: 'REJECTED',
      message: `the question for ${question} was refused (by ${asked})${said(rejected)}; check that the seeds are Herald nodes`,
    };
  }
  const asker = attempts.length === 0 ? 'nobody was asked' : `no answer came from ${asked}`;
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `${question} was not found ${within}: ${asker}`,
  };
}

function epochOf(known: KnownRecord | undefined): string {
  return String(known?.sealed.record.version.epoch ?? 0n);
}

function said(attempt: Attempt): string {
  return attempt.detail === undefined ? '' : `: ${attempt.detail}`;
}

const namedMax = 3;

function listOf(addresses: readonly Address[]): string {
  const different = [...new Set(addresses)];
  const named = different.slice(0, namedMax).join(', ');
  const more = different.length - namedMax;
  return more > 0 ? `${named} and ${String(more)} more` : named;
}
