import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processLimits } from './limits.ts';
import { openLogDestination } from './log-sink.ts';
import type { LogDestination } from './log-sink.ts';

/** What a log holds after `use` wrote to it and it was flushed. */
async function logged(use: (log: LogDestination) => void | Promise<void>): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'herald-log-'));
  const path = join(directory, 'log');
  const descriptor = openSync(path, 'w');
  try {
    const log = openLogDestination(descriptor);
    await use(log);
    await log.flush();
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } finally {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
}

test('lines are written in order, across flushes', async () => {
  const lines = await logged(async (log) => {
    for (let index = 0; index < 500; index++) log.write(`${index}\n`);
    await log.flush();
    for (let index = 500; index < 1_000; index++) log.write(`${index}\n`);
  });
  assert.deepEqual(
    lines,
    Array.from({ length: 1_000 }, (_, index) => String(index)),
  );
});

test('lines beyond the bound are dropped, and their number is said', async () => {
  const line = `${'é'.repeat(999)}\n`;
  const bytes = Buffer.byteLength(line);
  const kept = Math.floor(processLimits.logBufferBytesMax / bytes);
  const lines = await logged((log) => {
    for (let count = 0; count < kept + 7; count++) log.write(line);
  });
  assert.equal(lines.length, kept + 1);
  const report = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  assert.equal(report['droppedLines'], 7);
  assert.equal(report['level'], 'warn');
});

test('a log that cannot be written is given up without an error', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'herald-log-'));
  const path = join(directory, 'log');
  const descriptor = openSync(path, 'w');
  closeSync(descriptor);
  const readOnly = openSync(path, 'r');
  try {
    const log = openLogDestination(readOnly);
    log.write('lost\n');
    await log.flush();
    log.write('lost too\n');
    await log.flush();
    assert.equal(readFileSync(path, 'utf8'), '');
  } finally {
    closeSync(readOnly);
    rmSync(directory, { recursive: true });
  }
});
