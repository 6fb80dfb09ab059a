/**
 * Decides which error a call that ended without a result throws: what the nodes answered, if any
 * did, else how the questions failed. The message says what to do.
 */
import { ageMs } from '@herald/core';
import type { ElectionName } from '@herald/core';
import type { Attempt, AttemptOutcome } from './attempts.ts';
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
  const { mayHaveRun } = context.call;
  const { attempts, redirects, retries } = context.call.log;
  return new HeraldClientError(code, message, { cause, attempts, redirects, retries, mayHaveRun });
}

function judge(context: FailureContext): Verdict {
  const { call, election, nowMs, question } = context;
  const tookMs = Math.round(nowMs - call.startedAtMs);
  switch (call.endReason) {
    case 'aborted': {
      const message = `the search for ${question}, or the work there, was aborted by its signal after ${String(tookMs)} ms`;
      return { code: 'ABORTED', message, cause: call.callerSignal?.reason };
    }
    case 'closed':
      return { code: 'CLOSED', message: `the client of ${election} was closed` };
    case 'deadline':
    case undefined: {
      const { attempts } = call.log;
      const last = attempts.at(-1);
      if (last?.what === 'work' && last.outcome === 'pending')
        return judgeUnfinished(context, last);
      // An elector or a leader is gone to only when a leader is known: then what is known decides, too.
      const wasLed = attempts.some(({ what }) => what === 'confirm' || what === 'work');
      return call.log.answered > 0 || wasLed ? judgeAnswers(context) : judgeSilence(context);
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
      return judgeLed(context);
  }
}

/** The time was up while the work ran. */
function judgeUnfinished({ call, election }: FailureContext, { endpoint }: Attempt): Verdict {
  const within = `within ${String(call.timeoutMs)} ms`;
  return {
    code: 'DEADLINE_EXCEEDED',
    message: `the work at the leader of ${election} at ${endpoint} did not end ${within}: it may have run`,
  };
}

/** A leader is known, so it was the leader itself, or its elector, that did not say yes. */
function judgeLed(context: FailureContext): Verdict {
  const last = context.call.log.attempts.findLast(
    ({ what }) => what === 'confirm' || what === 'work',
  );
  return last?.what === 'work' ? judgeUndone(context, last) : judgeUnverified(context, last);
}

/** The leader that is known was gone to, and the work was not done there. */
function judgeUndone({ call, election }: FailureContext, last: Attempt): Verdict {
  const within = `within ${String(call.timeoutMs)} ms`;
  const cause = call.workError;
  const { endpoint, outcome } = last;
  switch (outcome) {
    case 'not-leading':
      return {
        code: 'NOT_LEADER',
        message: `${endpoint} is known as the leader of ${election}, but refuses the work because it does not lead, and no newer leader became known ${within}`,
        cause,
      };
    case 'not-listed':
      return {
        code: 'REJECTED',
        message: `${endpoint} is known as the leader of ${election}, but is no allowed target${said(last)}; check who named it, or allow it with allowTargets`,
      };
    default:
      return {
        code: 'UNREACHABLE',
        message: `the work could not be done at the leader of ${election} at ${endpoint} (${outcome}), and no newer leader became known ${within}${said(last)}`,
        cause,
      };
  }
}

function judgeUnverified(context: FailureContext, last: Attempt | undefined): Verdict {
  const { call, election } = context;
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
  if (last.outcome === 'leading') {
    return {
      code: 'EXPIRED',
      message: `the elector at ${last.endpoint} says that it leads ${election}, but its answers took longer than they could be believed ${within}`,
    };
  }
  return {
    code: codeOf(last.outcome),
    message: `the elector at ${last.endpoint} could not be asked whether it leads ${election}${said(last)}`,
  };
}

function codeOf(outcome: AttemptOutcome): ClientErrorCode {
  if (outcome === 'untrusted') return 'UNTRUSTED';
  return outcome === 'unreachable' ? 'UNREACHABLE' : 'REJECTED';
}

/** Nobody answered: how the questions failed decides. */
function judgeSilence(context: FailureContext): Verdict {
  const { call, question } = context;
  const { attempts } = call.log;
  const within = `within ${String(call.timeoutMs)} ms`;
  const asked = listOf(attempts.map(({ endpoint }) => endpoint));
  const untrusted = attempts.findLast(({ outcome }) => outcome === 'untrusted');
  if (untrusted !== undefined) {
    return {
      code: 'UNTRUSTED',
      message: `nobody answered the question for ${question} with a record that a trusted key has signed (asked ${asked})${said(untrusted)}; check that trustedKeys and its cluster are those of the electors`,
    };
  }
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
  if (attempts.length === 0 && call.endReason === undefined) {
    return {
      code: 'UNREACHABLE',
      message: `nobody could be asked for ${question}: all nodes that are known have asked to be left alone for a while`,
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

function listOf(addresses: readonly string[]): string {
  const different = [...new Set(addresses)];
  const named = different.slice(0, namedMax).join(', ');
  const more = different.length - namedMax;
  return more > 0 ? `${named} and ${String(more)} more` : named;
}
