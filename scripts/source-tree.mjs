/**
 * What the scripts know of the source tree without any dependency: the workspaces, a fingerprint of all
 * that a build reads, and whether each `dist` holds exactly what its `src` says. Decides what is stale.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders that hold no source: what is installed, built, generated or hidden. */
const notSource = (name) =>
  name === 'node_modules' || name === 'dist' || name === 'generated' || name.startsWith('.');

/** Files that decide what a build makes. */
const buildInput = /(\.ts|\.proto|^tsconfig.*\.json|^package\.json|^generate\.mjs)$/;

/** What tsc makes of `x.ts`. */
const outputExtensions = ['.d.ts.map', '.d.ts', '.js.map', '.js'];

/** The workspaces' folders, relative to `root`, as the root's package.json lists them. */
export function workspaceFolders(root) {
  return readJson(join(root, 'package.json')).workspaces;
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** All files below `folder`, as absolute paths; `skip` leaves out whole folders by name. */
export function* filesBelow(folder, skip = () => false) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !skip(entry.name)) yield* filesBelow(path, skip);
  }
}

/** Changes whenever a source of the build was added, removed or written. Reads no contents. */
export function sourceFingerprint(root) {
  const lines = [];
  for (const path of filesBelow(root, notSource)) {
    if (!buildInput.test(path.slice(path.lastIndexOf('/') + 1))) continue;
    const { size, mtimeMs } = statSync(path);
    lines.push(`${relative(root, path)} ${size} ${mtimeMs}`);
  }
  return hashOf(lines.sort());
}

/** Changes whenever `npm ci` would install something else. */
export function dependencyFingerprint(root) {
  const manifests = ['.', ...workspaceFolders(root)].map((folder) => {
    const manifest = readJson(join(root, folder, 'package.json'));
    // Not the whole file: a new script or description installs nothing.
    const fields = ['name', 'version', 'bin', 'workspaces', 'overrides', 'dependencies'];
    fields.push('devDependencies', 'optionalDependencies', 'peerDependencies');
    return JSON.stringify(fields.map((field) => manifest[field]));
  });
  const lockfile = readFileSync(join(root, 'package-lock.json'), 'utf8');
  return hashOf([process.platform, process.arch, lockfile, ...manifests]);
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return hash.digest('hex');
}

/**
 * Compares each workspace's `dist` with its `src`. An output without a source is stale: a deleted test
 * would go on running. A source without an output was lost behind tsc's back (see `forgetBuild`).
 */
export function compareOutputs(root) {
  const stale = [];
  const incomplete = new Set();
  for (const workspace of workspaceFolders(root)) {
    const source = join(root, workspace, 'src');
    const output = join(root, workspace, 'dist');
    const sources = new Set();
    const generates = existsSync(join(root, workspace, 'generate.mjs'));
    if (generates && !existsSync(join(root, workspace, 'generated'))) incomplete.add(workspace);
    for (const path of filesBelow(source)) {
      if (!path.endsWith('.ts') || path.endsWith('.d.ts')) continue;
      const stem = relative(source, path).slice(0, -'.ts'.length);
      sources.add(stem);
      if (!existsSync(join(output, `${stem}.js`))) incomplete.add(workspace);
    }
    for (const path of filesBelow(output)) {
      const extension = outputExtensions.find((candidate) => path.endsWith(candidate));
      if (extension === undefined) continue;
      if (!sources.has(relative(output, path).slice(0, -extension.length))) stale.push(path);
    }
  }
  return { stale, incomplete: [...incomplete] };
}

/** Has tsc build a workspace anew: it trusts its own notes, and does not look whether `dist` is there. */
export function forgetBuild(root, workspace) {
  for (const path of buildNotes(join(root, workspace))) rmSync(path, { force: true });
}

/** tsc's notes (*.tsbuildinfo) beside and inside `dist`. */
export function buildNotes(folder) {
  const notes = [];
  for (const path of filesBelow(folder, (name) => name === 'node_modules' || name === 'src')) {
    if (path.endsWith('.tsbuildinfo')) notes.push(path);
  }
  return notes;
}

/**
 * Whether node_modules holds what package-lock.json lists, by npm's own record of what it installed,
 * which it writes last. So a person's `npm install` counts as one of ours.
 */
export function installMatchesLockfile(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = readJson(record).packages;
  const wanted = Object.entries(readJson(join(root, 'package-lock.json')).packages);
  return wanted.every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = installed[path];
    // One that is for another platform is optional, and is not installed here.
    if (found === undefined) return entry.optional === true;
    return (
      found.version === entry.version &&
      found.integrity === entry.integrity &&
      existsSync(join(root, path))
    );
  });
}
