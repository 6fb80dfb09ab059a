import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { monotonicNowMs } from './monotonic-clock.ts';

test('is one clock for all processes of the machine', () => {
  const clock = JSON.stringify(new URL('./monotonic-clock.js', import.meta.url).href);
  const script = `import(${clock}).then((c) => process.stdout.write(String(c.monotonicNowMs())))`;
  const beforeMs = monotonicNowMs();
  const childMs = Number(execFileSync(process.execPath, ['-e', script], { timeout: 20_000 }));
  const afterMs = monotonicNowMs();
  assert.ok(beforeMs < childMs && childMs < afterMs, `${beforeMs} < ${childMs} < ${afterMs}`);
});
