/**
 * Runs the tests: `npm test -- [--unit | --integration | --containers] [FILTER …]`. Unit tests are those
 * beside the sources and the scripts; integration tests start whole clusters; container tests need a Docker
 * engine besides. A filter is a part of a test file's path. No test at all is a failure, not a success.
 *
 * Decides what runs side by side, for a machine of two cores. Most files wait most of their time, so that
 * three of them fill it. Those whose verdict is about time, or that fill a machine by themselves, have it for
 * themselves. Long ones begin first, so that none is left to run alone at the end.
 *
 * Unasked, container tests run where they can, and it is said at the end why they did not. Asked for, with
 * `--containers` or HERALD_CONTAINER_TESTS=1, they run or fail. HERALD_CONTAINER_TESTS=0 leaves them out.
 */
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

import { whyNoContainers } from './container-engine.mjs';
import { filesBelow, repositoryFolder as root, workspaceFolders } from './source-tree.mjs';

const INTEGRATION = 'integration-tests';
const CONTAINERS = join(root, INTEGRATION, 'dist', 'containers', '/');

/** Integration tests that have the machine for themselves: how long things take is what they judge. */
const alone = ['etcd-faults', 'faults/fault-matrix', 'forward-only', 'one-leader', 'ticket-office'];
const alonePaths = alone.map((name) => join(root, INTEGRATION, 'dist', `${name}.test.js`));

/** Where the files are that take longest: by arithmetic, by processes that start, by leases that expire. */
const longFirst = [
  ...['scripts/published', 'packages/lab/', 'packages/simulator/', 'services/elector/', 'scripts/'],
  ...['packages/core/', 'packages/process/', 'packages/client/'],
  ...['hostile-input', 'membership', 'history-lost', 'tls-', 'clean-up', 'client-and-nodes'],
];

/**
 * `--test-timeout` counts for a file as a whole as well as for each test in it. These bounds end what
 * hangs; each test has its own deadlines, far below.
 */
const groups = [
  { name: 'unit', files: unitTests, concurrency: 3, timeoutMs: 10 * 60_000 },
  { name: 'integration', files: integrationTests, concurrency: 3, timeoutMs: 30 * 60_000 },
  { name: 'containers', files: containerTests, concurrency: 1, timeoutMs: 15 * 60_000 },
];

const { values, positionals: filters } = parseArguments();
const named = groups.filter(({ name }) => values[name] === true);
const wanted = named.length > 0 ? named : groups;
const runs = wanted.map((group) => ({
  ...group,
  chosen: group.files().filter(isChosen).sort(byLength),
}));

// With a filter, one group may have nothing to run; without, each must have.
const empty = runs.filter(({ chosen }) => chosen.length === 0);
if (empty.length > 0 && (filters.length === 0 || empty.length === runs.length)) {
  console.error(`test: no ${empty.map(({ name }) => name).join(' or ')} tests found`);
  if (filters.length > 0) console.error(`test: nothing matches ${filters.join(', ')}`);
  process.exit(1);
}

const leftOut = [];
for (const { name, chosen, concurrency, timeoutMs } of runs) {
  if (chosen.length === 0) continue;
  const reason = name === 'containers' ? whyLeftOut() : undefined;
  if (reason !== undefined) {
    leftOut.push(`${name} (${chosen.length} files): ${reason}`);
    continue;
  }
  const [judges, others] = [true, false].map((isJudge) =>
    chosen.filter((path) => alonePaths.includes(path) === isJudge),
  );
  for (const { files, atOnce } of [
    { files: others, atOnce: concurrency },
    { files: judges, atOnce: 1 },
  ]) {
    if (files.length === 0) continue;
    console.log(`test: ${name} (${files.length} files, ${atOnce} at a time)`);
    const code = await runNodeTest(files, atOnce, timeoutMs);
    // All groups run, so that one run shows all that fails; the first failure's code is ours.
    process.exitCode ||= code;
  }
}
// Last, where it is read.
for (const what of leftOut) console.error(`test: NOT RUN: ${what}`);

function parseArguments() {
  try {
    const options = Object.fromEntries(groups.map(({ name }) => [name, { type: 'boolean' }]));
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    const flags = groups.map(({ name }) => `--${name}`).join(' | ');
    console.error(`test: ${error.message}\nusage: npm test -- [${flags}] [FILTER …]`);
    process.exit(2);
  }
}

function unitTests() {
  const workspaces = workspaceFolders(root).filter((folder) => folder !== INTEGRATION);
  const scripts = [...filesBelow(join(root, 'scripts'))].filter((path) =>
    path.endsWith('.test.mjs'),
  );
  return [...workspaces.flatMap(builtTests), ...scripts];
}

function integrationTests() {
  return builtTests(INTEGRATION).filter((path) => !path.startsWith(CONTAINERS));
}

function containerTests() {
  return builtTests(INTEGRATION).filter((path) => path.startsWith(CONTAINERS));
}

/** Why container tests are not run, or undefined if they are to run, whatever comes of it. */
function whyLeftOut() {
  const asked = process.env.HERALD_CONTAINER_TESTS ?? '';
  if (values.containers === true || asked === '1') return undefined;
  if (asked === '0') return 'HERALD_CONTAINER_TESTS=0';
  const reason = whyNoContainers(root);
  return reason && `${reason}; see "With containers" in README.md`;
}

function builtTests(workspace) {
  const built = [...filesBelow(join(root, workspace, 'dist'))];
  return built.filter((path) => path.endsWith('.test.js'));
}

/** Long ones first, the others as they are called. */
function byLength(a, b) {
  const ranks = [a, b].map((path) => {
    const rank = longFirst.findIndex((part) => relative(root, path).includes(part));
    return rank < 0 ? longFirst.length : rank;
  });
  return ranks[0] - ranks[1] || (a < b ? -1 : 1);
}

/** Matches the path of the source as well as that of the built file. */
function isChosen(path) {
  const built = relative(root, path);
  const source = built.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
  return (
    filters.length === 0 || filters.some((part) => built.includes(part) || source.includes(part))
  );
}

function runNodeTest(files, concurrency, timeoutMs) {
  const options = [
    '--test-reporter=spec',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${timeoutMs}`,
    '--enable-source-maps',
  ];
  return new Promise((resolve, reject) => {
    const env = { ...process.env };
    delete env.HERALD_CONTAINER_TESTS; // ours: a program of Herald's would warn of it
    const child = spawn(process.execPath, ['--test', ...options, ...files], {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    // A terminal signals the child too; we stay to pass on how it ended.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => child.kill(signal));
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
