/**
 * The example as a test: fifty customers draw tickets while one leader after the other is killed, paused, cut
 * off and asked to step down. The office judges itself, from the store's log and from what customers were
 * told; here it is also held against a run that must be found broken.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OfficeReport } from '@herald/ticket-office';
import { runProgram } from './support/run-program.ts';
import type { Outcome } from './support/run-program.ts';

/** The five causes come in turn; a failover and the peace after it take up to 5 s. */
const seconds = 22;
/** For three pauses: in each of them some ten hasty customers have a draw under way at the leader. */
const secondsUnfenced = 12;
/** Another order of causes each time is what `npm run example` is for; a test is to be repeated. */
const seed = '4';
/**
 * What is promised is TTL + 2 s, 5 s here, and `npm run example` asks for 8 s. Some twenty processes share this
 * machine with others, and a test is to fail for Herald's mistakes alone: no call may hang.
 */
const patience = '15s';

interface Run extends Outcome {
  readonly report: OfficeReport;
}

/** Runs it to its end, and makes sure that no process and no file of it is left. */
async function runOffice(...args: readonly string[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-office-'));
  const file = join(folder, 'report.json');
  try {
    const outcome = await runProgram({
      program: 'ticket-office',
      args: ['--seed', seed, '--patience', patience, '--json', file, ...args],
    });
    const text = await readFile(file, 'utf8').catch(() => undefined);
    assert.ok(text !== undefined, `no report:\n${outcome.stdout}\n${outcome.stderr}`);
    return { ...outcome, report: JSON.parse(text) as OfficeReport };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function brokenPromises({ report }: Run): readonly string[] {
  return report.findings.filter(({ held }) => !held).map(({ promise }) => promise);
}

describe('the ticket office', () => {
  it('P5, P8: sells each number once, loses none, and serves the patient while leaders fall', async () => {
    const run = await runOffice('--seconds', String(seconds));
    assert.deepEqual(brokenPromises(run), [], run.stdout);
    assert.deepEqual([run.exitCode, run.stderr], [0, '']);
    const { sold, causes, customers } = run.report;
    assert.ok(sold.acknowledged > customers, `only ${String(sold.acknowledged)} were sold`);
    assert.ok(Object.keys(causes).length >= 3, `too little happened:\n${run.stdout}`);
  });

  it('P8: without the fence a leader that was paused sells a number again, and the verdict says so', async () => {
    const run = await runOffice(
      ...['--no-fence', '--cause', 'pause', '--seconds', String(secondsUnfenced)],
    );
    const broken = brokenPromises(run);
    assert.ok(broken.includes('no leader wrote late'), run.stdout);
    assert.ok(broken.includes('no number sold twice'), run.stdout);
    assert.equal(run.exitCode, 1);
    assert.match(run.stderr, /did not hold: no number sold twice/);
  });
});
