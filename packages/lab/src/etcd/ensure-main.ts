/**
 * The last step of the set-up: `node ensure-main.js` makes sure that an etcd can be had. It prints
 * only what it does and what went wrong; where etcd is there, it prints nothing and exits 0.
 */
import { LabError } from '../lab-error.ts';
import { ensureEtcd } from './ensure-etcd.ts';

try {
  await ensureEtcd({
    log: (line) => {
      process.stderr.write(`setup: ${line}\n`);
    },
  });
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  // 2 is "bad input" for every Herald command, 1 is everything else.
  process.exitCode = error.code === 'bad-input' ? 2 : 1;
}
