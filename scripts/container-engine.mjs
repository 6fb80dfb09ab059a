/**
 * Decides whether container tests can run on this machine: an engine that answers, a compose, and the
 * images that docker-compose.yml starts from, which are looked for and never fetched.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How long a command may take to answer before it counts as not there. */
const ANSWER_MS = 60_000;

/** Name the images that everything else is built on or run from, with defaults in the compose file. */
const imageVariables = ['NODE_IMAGE', 'ETCD_IMAGE'];

/** With which testcontainers removes what a test run left that was killed; it is fetched unless disabled. */
const REAPER_IMAGE = 'testcontainers/ryuk';

/** Why container tests cannot run, for people; undefined if they can. */
export function whyNoContainers(root, env = process.env) {
  const answers = (...words) => outputOf(words, env) !== undefined;
  if (!answers('docker', 'info')) return 'no Docker engine answers (docker info)';
  if (!answers('docker', 'compose', 'version') && !answers('docker-compose', 'version')) {
    return 'there is neither docker compose nor docker-compose';
  }
  const missing = composeImages(root, env).filter(
    (image) => !answers('docker', 'image', 'inspect', image),
  );
  if (missing.length > 0) {
    return `missing ${missing.join(' and ')} (docker pull it, or name another: ${imageVariables.join(', ')})`;
  }
  if (env.TESTCONTAINERS_RYUK_DISABLED === 'true') return undefined;
  if (outputOf(['docker', 'images', '--quiet', REAPER_IMAGE], env)) return undefined;
  return `missing ${REAPER_IMAGE} (docker pull it, or set TESTCONTAINERS_RYUK_DISABLED=true)`;
}

/** The images that docker-compose.yml would use with these variables. */
export function composeImages(root, env) {
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  return imageVariables.map((name) => {
    const fallback = new RegExp(`\\$\\{${name}:-([^}]+)\\}`).exec(text)?.[1];
    if (fallback === undefined) throw new Error(`docker-compose.yml does not use ${name}`);
    // As in compose, a variable that is set to nothing is not set.
    return env[name] || fallback;
  });
}

/** What the command printed, or undefined if it failed. */
function outputOf([file, ...args], env) {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'];
    return execFileSync(file, args, { env, stdio, timeout: ANSWER_MS, encoding: 'utf8' });
  } catch {
    return undefined; // not installed, not running, or without an answer: not to be had either way
  }
}
