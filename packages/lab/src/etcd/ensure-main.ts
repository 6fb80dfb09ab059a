/**
 * The last step of the set-up: `node ensure-main.js [--etcd-programs]` makes sure that an etcd can be had, or with the
 * flag its programs, as the tests need them. It prints only what it does and what went wrong; where etcd is there, it prints nothing and exits 0.
 */
import { LabError, type LabErrorCode } from '../lab-error.ts';
import { ensureEtcd } from './ensure-etcd.ts';

try {
  await ensureEtcd({
    programs: process.argv.includes('--etcd-programs'),
    log: (line) => {
      process.stderr.write(`setup: ${line}\n`);
    },
  });
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = exitCodeOf(error.code);
}

/** The codes of every Herald process (docs/adr/0002-process-room.md). */
function exitCodeOf(code: LabErrorCode): number {
  if (code === 'bad-input') return 2;
  return code === 'etcd-unavailable' ? 3 : 1;
}
