/**
 * Decides whether a demonstration held: each promise that it shows, with what was seen of it. One
 * that is broken makes `npm start -- --once` fail.
 */
import type { Leadership } from '../elector/leadership-ledger.ts';
import type { LabReport } from '../report.ts';
import { counted, formatMs } from './wording.ts';

/** DESIGN.md P6: one connection for leases, one for everything else. */
const etcdConnectionsPerElectorMax = 2;
/** What the membership promises of a tier of hundreds on one machine. */
const allKnownMsMax = 20_000;
const massFailureAgreedMsMax = 10_000;

export interface Finding {
  readonly promise: string;
  readonly held: boolean;
  readonly seen: string;
}

/** What the report does not hold. */
export interface Observed {
  readonly overlaps: readonly (readonly [Leadership, Leadership])[];
  readonly leaderships: number;
  /** Create revision of the leading key in etcd, when the electors' logs were last compared to it. */
  readonly epochInEtcd: bigint | undefined;
  readonly epochInLogs: bigint | undefined;
}

export function judge(report: LabReport, observed: Observed): readonly Finding[] {
  return [
    oneLeader(observed),
    agreesWithEtcd(observed),
    everyNodeReached(report),
    epochsGrow(report),
    clientFound(report),
    ...etcdSpared(report),
    everybodyKnown(report),
    ...failureNoticed(report),
  ];
}

function oneLeader({ overlaps, leaderships }: Observed): Finding {
  const pairs = overlaps.map(
    ([one, other]) =>
      `${one.electorId} (epoch ${String(one.epoch)}) and ` +
      `${other.electorId} (epoch ${String(other.epoch)})`,
  );
  return {
    promise: 'one leader at a time',
    held: pairs.length === 0,
    seen:
      pairs.length === 0
        ? `${counted(leaderships, 'leadership')}, none at the same time as another`
        : `led at the same time: ${pairs.join('; ')}`,
  };
}

function agreesWithEtcd({ epochInEtcd, epochInLogs }: Observed): Finding {
  const held = epochInEtcd !== undefined && epochInEtcd === epochInLogs;
  const name = (epoch: bigint | undefined): string =>
    epoch === undefined ? 'nobody' : `epoch ${String(epoch)}`;
  return {
    promise: 'the leader is etcd’s',
    held,
    seen: held
      ? `${name(epochInEtcd)} in etcd and in Herald`
      : `${name(epochInEtcd)} in etcd, ${name(epochInLogs)} in Herald`,
  };
}

function everyNodeReached({ changes, nodes }: LabReport): Finding {
  const short = changes.filter(({ reached }) => reached !== nodes);
  return {
    promise: 'every node heard',
    held: short.length === 0,
    seen:
      short.length === 0
        ? `of ${counted(changes.length, 'change')}, all ${counted(nodes, 'node')} each time`
        : short
            .map(({ cause, reached }) => `${cause}: ${String(reached)} of ${String(nodes)}`)
            .join('; '),
  };
}

function epochsGrow({ changes }: LabReport): Finding {
  const epochs = changes.map(({ epoch }) => epoch);
  return {
    promise: 'epochs only grow',
    held: epochs.every((epoch, index) => index === 0 || epoch > (epochs[index - 1] ?? Infinity)),
    seen: epochs.join(', '),
  };
}

function clientFound({ client }: LabReport): Finding {
  const { calls, failures, wrongLeader } = client;
  const held = calls > 0 && failures === 0 && wrongLeader === 0;
  return {
    promise: 'every call ended right',
    held,
    seen: held
      ? `${counted(calls, 'call')}, each on the elector that led`
      : `of ${counted(calls, 'call')} ${String(failures)} failed, ${String(wrongLeader)} were told a wrong leader`,
  };
}

function etcdSpared({ etcd, electors }: LabReport): readonly Finding[] {
  if (etcd.clientConnections === null) return [];
  const most = etcdConnectionsPerElectorMax * electors;
  return [
    {
      promise: 'etcd is left in peace',
      held: etcd.clientConnections <= most,
      seen: `${counted(etcd.clientConnections, 'connection')}, at most ${String(most)} from ${counted(electors, 'elector')}`,
    },
  ];
}

function everybodyKnown({ members }: LabReport): Finding {
  return {
    promise: 'all know all members',
    held: members.allKnownMs <= allKnownMsMax,
    seen: `${formatMs(members.allKnownMs)} after the last came up`,
  };
}

function failureNoticed({ members }: LabReport): readonly Finding[] {
  const { massFailure } = members;
  if (massFailure === null) return [];
  const { agreedMs, killed, reached, survivors } = massFailure;
  return [
    {
      promise: 'the lost are noticed',
      held: agreedMs <= massFailureAgreedMsMax && reached === survivors,
      seen:
        `all ${String(killed)} after ${formatMs(agreedMs)}; of the next leader heard ` +
        `${String(reached)} of the ${counted(survivors, 'node')} left`,
    },
  ];
}
