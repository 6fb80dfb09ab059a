import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { whyNotWritable, writeJsonFile } from './json-file.ts';

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-json-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a report replaces the one before and leaves nothing beside it', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'report.json');
    assert.equal(await whyNotWritable(file), undefined);
    await writeFile(file, 'older');
    await writeJsonFile(file, { nodes: 25 });
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { nodes: 25 });
    assert.deepEqual(await readdir(folder), ['report.json']);
  });
});

test('a path that cannot be written is known before, and says why', async () => {
  await inFolder(async (folder) => {
    await writeFile(join(folder, 'file'), '');
    await mkdir(join(folder, 'sub'));
    assert.match(
      (await whyNotWritable(join(folder, 'none', 'x.json'))) ?? '',
      /none does not exist/,
    );
    assert.match(
      (await whyNotWritable(join(folder, 'file', 'x.json'))) ?? '',
      /file is not a folder/,
    );
    assert.match((await whyNotWritable(join(folder, 'sub'))) ?? '', /sub is a folder, not a file/);
  });
});

test('a report that cannot be moved into place leaves no part behind', async () => {
  await inFolder(async (folder) => {
    await mkdir(join(folder, 'taken'));
    await writeFile(join(folder, 'taken', 'something'), '');
    await assert.rejects(writeJsonFile(join(folder, 'taken'), {}));
    assert.deepEqual(await readdir(folder), ['taken']);
  });
});
