import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { parseRssMiB, processUsage, totalUsage } from './usage.ts';

test('resident memory is read in MiB', () => {
  assert.equal(
    parseRssMiB('Name:\tnode\nVmPeak:\t  9999 kB\nVmRSS:\t   2048 kB\nThreads:\t1\n'),
    2,
  );
  assert.equal(parseRssMiB('Name:\tnode\nState:\tZ (zombie)\n'), undefined);
});

test(
  'what a process uses agrees with what it says of itself',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async () => {
    const usage = await processUsage(process.pid);
    const own = process.cpuUsage();
    const ownSeconds = (own.user + own.system) / 1e6;
    assert.ok(usage !== undefined);
    assert.ok(Math.abs(usage.cpuSeconds - ownSeconds) < 0.5, `${String(usage.cpuSeconds)} s`);
    assert.ok(Math.abs(usage.rssMiB - process.memoryUsage.rss() / 2 ** 20) < 32);
    const twice = await totalUsage([process.pid, process.pid]);
    assert.ok(twice !== undefined && twice.rssMiB > 1.5 * usage.rssMiB);
  },
);

test('a process that has ended uses nothing that could be told', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  assert.ok(child.pid !== undefined);
  assert.equal(await processUsage(child.pid), undefined);
  assert.equal(await totalUsage([process.pid, child.pid]), undefined);
});
