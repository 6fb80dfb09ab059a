/** A real Herald cluster on one machine: what other packages may use of it. */
export { insecureLab, secureLab, type LabSecurity } from './authority/lab-security.ts';
export { describeProtection } from './protection.ts';
export { TemporaryCertificates } from './authority/temporary-certificates.ts';
export {
  findRaftLeader,
  startEtcd,
  type EtcdCluster,
  type StartEtcdOptions,
} from './etcd/etcd-cluster.ts';
export { countClientConnections, cpuSeconds } from './etcd/etcd-load.ts';
export type { EtcdMember } from './etcd/etcd-member.ts';
export { findEtcd, type EtcdLookup, type EtcdSource } from './etcd/etcd-source.ts';
export { ensureEtcd } from './etcd/ensure-etcd.ts';
export type { EtcdctlCommand } from './etcd/member-set.ts';
export { LabError, type LabErrorCode } from './lab-error.ts';
export { etcdEndpointsOption, etcdEnvironment } from './etcd-option.ts';
export { whyNotWritable, writeJsonFile } from './json-file.ts';
export { rounded, spreadOf, type Spread } from './measure/statistics.ts';
export { ProxiedConnection, type NetworkCondition } from './network/proxied-connection.ts';
export { TcpProxy } from './network/tcp-proxy.ts';
export { toProcessError } from './process-errors.ts';
export { takeFreePorts } from './process/free-ports.ts';
export { processRuns } from './process/proc-fs.ts';
export {
  superviseProcess,
  type ProcessExit,
  type SupervisedProcess,
  type SuperviseOptions,
} from './process/supervised-process.ts';
export { sleep, waitUntil } from './process/wait-until.ts';
export { watchOver, type Watch } from './process/watchdog.ts';
export { startLab } from './start-lab.ts';
export { Lab, type LabEvent, type StepDownRequested } from './lab.ts';
export {
  labDefaults,
  labNames,
  lazyDelayMsFor,
  type LabOptions,
  type LabProgress,
} from './lab-options.ts';
export { labVersion } from './lab-version.ts';
export type { ElectorProcess } from './elector/elector-process.ts';
export type { Leadership, LeadershipLedger } from './elector/leadership-ledger.ts';
export type { LeaderKey } from './elector/leader-key.ts';
export type { AwaitChangeOptions } from './measure/await-change.ts';
export type { Change } from './measure/change.ts';
export type { IdleUsage } from './measure/idle.ts';
export { NodeTier, type LabNode, type NodeTierOptions, type NodeWorker } from './node-tier.ts';
export { showFindings } from './story/demonstration.ts';
export { describeEtcd } from './story/start-rows.ts';
export { Terminal } from './story/terminal.ts';
export type { Finding } from './story/verdict.ts';
export { counted, formatMs, share } from './story/wording.ts';
