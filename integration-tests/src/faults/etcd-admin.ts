/** What is done to the etcd of a fault cluster from outside: filled, compacted, cleared. */
import type { EtcdCluster } from '@herald/lab';
import { connectEtcdPersistently, noSpace } from '../fixtures/etcd-client.ts';
import { runEtcdctl } from '../support/etcdctl.ts';

/** Below the 1.5 MiB that etcd takes in one request. */
const ballastBytes = 1024 * 1024;
const ballastPrefix = 'ballast/';
/** etcdctl's own is 5 s. */
const patience = '--command-timeout=60s';
/** More than any quota of these tests. */
const ballastPutsMax = 200;

/** Writes until etcd takes no more: its NOSPACE alarm is raised, and stays until it is disarmed. */
export async function fillUp(etcd: EtcdCluster): Promise<void> {
  const call = connectEtcdPersistently(etcd.endpoints);
  const ballast = Buffer.alloc(ballastBytes, 'x');
  for (let count = 0; count < ballastPutsMax; count++) {
    try {
      await call((client) => client.put(`${ballastPrefix}${count}`).value(ballast));
    } catch (error) {
      if (!String(error).includes(noSpace)) throw error;
      return;
    }
  }
  throw new Error(`${ballastPutsMax} MiB did not fill etcd`);
}

/** As its operators do: delete, compact, give the space back, and only then disarm the alarm. */
export async function makeRoom(etcd: EtcdCluster): Promise<void> {
  const call = connectEtcdPersistently(etcd.endpoints);
  await call((client) => client.delete().prefix(ballastPrefix).exec());
  await compact(etcd);
  await runEtcdctl(etcd, ['defrag', '--cluster', patience]);
  await runEtcdctl(etcd, ['alarm', 'disarm', patience]);
}

/** Writes, and then forgets that: a watch that would go on from before cannot. */
export async function writeAndForget(etcd: EtcdCluster): Promise<void> {
  const call = connectEtcdPersistently(etcd.endpoints);
  for (const value of ['written', 'and written again']) {
    await call((client) => client.put(ballastPrefix).value(value));
  }
  await compact(etcd);
}

/** Forgets all revisions but the present one. */
async function compact(etcd: EtcdCluster): Promise<void> {
  const call = connectEtcdPersistently(etcd.endpoints);
  const { header } = await call((client) => client.get(ballastPrefix).exec());
  await runEtcdctl(etcd, ['compact', '--physical=true', header.revision, patience]);
}
