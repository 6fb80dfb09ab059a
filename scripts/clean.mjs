/**
 * Removes what a build made: `npm run clean`. With `--all` the installed dependencies too, which leaves
 * the tree as a fresh clone has it.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildNotes, repositoryFolder as root, workspaceFolders } from './source-tree.mjs';

const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });

for (const workspace of workspaceFolders(root)) {
  const folder = join(root, workspace);
  for (const path of buildNotes(folder)) rmSync(path);
  for (const made of ['dist', 'generated', join('src', 'generated')]) remove(join(folder, made));
}
// What the set-up noted about the build; without it, the next one builds anew.
remove(join(root, 'node_modules', '.herald-setup.json'));
if (values.all) {
  remove(join(root, 'node_modules'));
  for (const workspace of workspaceFolders(root)) remove(join(root, workspace, 'node_modules'));
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}
