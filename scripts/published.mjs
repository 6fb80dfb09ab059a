/**
 * The packages that programs install, as npm packs them: what `scripts/published.test.mjs` tries out. Puts
 * tarballs into a project that has nothing, without asking a registry: what they depend on is copied from
 * this repository's own node_modules.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { readJson, repositoryFolder as root } from './source-tree.mjs';

const run = promisify(execFile);

/** Folders of the packages that are published, in the order of their dependencies. */
export const publishedFolders = ['packages/core', 'packages/wire', 'packages/client'];

/** @returns What npm says of each tarball: `name`, `filename`, `files`. */
export async function packAll(destination) {
  const packed = [];
  for (const folder of publishedFolders) {
    const args = ['pack', '--json', '--ignore-scripts=false', '--pack-destination', destination];
    const { stdout } = await npm(args, folder, destination);
    packed.push(...JSON.parse(stdout));
  }
  return packed;
}

/**
 * Unpacks the tarballs into an empty `project` as npm does, beside all that they depend on and `others`
 * of this repository's dependencies. npm itself would ask a registry for what is there already; it is
 * asked whether the outcome is what it would have made.
 */
export async function installAll(packed, tarballs, project, others = []) {
  const direct = publishedFolders.flatMap((folder) =>
    Object.keys(readJson(join(root, folder, 'package.json')).dependencies ?? {}),
  );
  const names = [...direct, ...others].filter((name) => !name.startsWith('@herald/'));
  for (const path of withDependencies(names)) {
    mkdirSync(join(project, path), { recursive: true });
    cpSync(join(root, path), join(project, path), { recursive: true });
  }
  const dependencies = Object.fromEntries(others.map((name) => [name, '*']));
  for (const { filename, name, version } of packed) {
    const folder = join(project, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    await run('tar', ['-xzf', join(tarballs, filename), '-C', folder, '--strip-components=1']);
    dependencies[name] = version;
  }
  const manifest = { name: 'project', version: '1.0.0', private: true, dependencies };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  // Fails when anything is missing, of a wrong version, or asked for by nobody.
  await npm(['ls', '--all'], project, tarballs);
}

/** npm, without what the npm that runs this script wants of it, and with a cache that goes with the test. */
function npm(args, folder, scratch) {
  const clean = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const own = { npm_config_cache: join(scratch, 'npm-cache'), npm_config_update_notifier: 'false' };
  const env = { ...Object.fromEntries(clean), ...own };
  return run('npm', args, { cwd: resolve(root, folder), env, maxBuffer: 16 * 1024 * 1024 });
}

/** Where the packages `names`, and all that they depend on, are in the lock file. */
function withDependencies(names) {
  const { packages } = readJson(join(root, 'package-lock.json'));
  const paths = new Set();
  const add = (name, from) => {
    const path = placesOf(name, from).find((place) => place in packages);
    if (path === undefined || paths.has(path)) return;
    paths.add(path);
    for (const next of Object.keys(packages[path].dependencies ?? {})) add(next, path);
  };
  for (const name of names) add(name, '');
  return paths;
}

/** Where Node looks for `name` when a package at `from` asks for it, the nearest first. */
function placesOf(name, from) {
  const places = [`node_modules/${name}`];
  for (const { 0: step, index } of from.matchAll(/node_modules\/(@[^/]+\/)?[^/]+/g)) {
    places.unshift(`${from.slice(0, index + step.length)}/node_modules/${name}`);
  }
  return places;
}
