/** Decides how the start of a lab is shown: one row for each thing that comes up. */
import type { EtcdCluster } from '../etcd/etcd-cluster.ts';
import type { LabProgress } from '../lab-options.ts';
import type { Terminal } from './terminal.ts';
import { counted, share } from './wording.ts';

export function showProgress(terminal: Terminal, progress: LabProgress): void {
  switch (progress.kind) {
    case 'note':
      terminal.row('etcd', progress.text);
      break;
    case 'etcd':
      terminal.row('etcd', describeEtcd(progress.etcd));
      break;
    case 'nodes': {
      const { linked, total, processes } = progress;
      const where = `in ${counted(processes, 'process', 'processes')}`;
      terminal.progress(
        'gossip nodes',
        `${share(linked, total, 'node')} linked, ${where}`,
        linked === total,
      );
      break;
    }
    case 'electors': {
      const { ready, total } = progress;
      terminal.progress('electors', `${String(ready)} of ${String(total)} ready`, ready === total);
      break;
    }
  }
}

/** `3.4.23, 3 members, from /usr/bin/etcd`. */
export function describeEtcd({ version, members, source, endpoints }: EtcdCluster): string {
  switch (source.kind) {
    case 'external':
      return `${version}, not ours, at ${endpoints.join(', ')}`;
    case 'binary':
      return `${version}, ${counted(members.length, 'member')}, from ${source.path}`;
    case 'docker':
      return `${version}, ${counted(members.length, 'member')}, from the image ${source.image}`;
  }
}
