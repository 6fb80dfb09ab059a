/**
 * The wall between the rooms: which package may import what. The one table below decides it; the
 * ESLint rule beneath it enforces it on every import, and its test checks each package.json and
 * tsconfig.json against the same table. See ARCHITECTURE.md for the reasons.
 */
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Every room, what it may import of the others, and whether it may use Node at all.
 * `core` is pure: it computes, and is handed time, randomness and the network's news as arguments.
 */
export const rooms = {
  '@herald/core': { folder: 'packages/core', mayImport: [], pure: true },
  '@herald/simulator': {
    folder: 'packages/simulator',
    mayImport: ['@herald/core', '@herald/wire'],
  },
  '@herald/wire': { folder: 'packages/wire', mayImport: ['@herald/core'] },
  '@herald/process': { folder: 'packages/process', mayImport: ['@herald/core'] },
  '@herald/member': { folder: 'packages/member', mayImport: ['@herald/core', '@herald/wire'] },
  '@herald/client': { folder: 'packages/client', mayImport: ['@herald/core', '@herald/wire'] },
  '@herald/gossip-node': {
    folder: 'services/gossip-node',
    mayImport: ['@herald/core', '@herald/wire', '@herald/process', '@herald/member'],
  },
  '@herald/elector': {
    folder: 'services/elector',
    mayImport: ['@herald/core', '@herald/wire', '@herald/process', '@herald/member'],
  },
  '@herald/cli': {
    folder: 'packages/cli',
    mayImport: ['@herald/core', '@herald/wire', '@herald/process', '@herald/client'],
  },
  '@herald/authority': {
    folder: 'packages/authority',
    mayImport: ['@herald/core', '@herald/wire', '@herald/process'],
  },
  '@herald/lab': {
    folder: 'packages/lab',
    mayImport: [
      '@herald/core',
      '@herald/simulator',
      '@herald/wire',
      '@herald/process',
      '@herald/member',
      '@herald/client',
      '@herald/gossip-node',
      '@herald/elector',
      '@herald/authority',
    ],
  },
  '@herald/ticket-office': {
    folder: 'examples/ticket-office',
    mayImport: [
      '@herald/core',
      '@herald/process',
      '@herald/client',
      '@herald/elector',
      '@herald/lab',
    ],
  },
  '@herald/integration-tests': {
    folder: 'integration-tests',
    mayImport: [
      '@herald/core',
      '@herald/simulator',
      '@herald/wire',
      '@herald/process',
      '@herald/member',
      '@herald/client',
      '@herald/gossip-node',
      '@herald/elector',
      '@herald/cli',
      '@herald/authority',
      '@herald/lab',
      '@herald/ticket-office',
    ],
  },
};

/**
 * Who may speak to the outside: gRPC stops at the wire and those who serve or dial, etcd at the
 * electors. Any other dependency belongs to the rooms whose package.json names it.
 */
export const restrictedDependencies = [
  {
    pattern: /^(@grpc\/|grpc-)/,
    rooms: [
      '@herald/wire',
      '@herald/member',
      '@herald/client',
      '@herald/gossip-node',
      '@herald/elector',
      '@herald/lab',
      '@herald/ticket-office',
      '@herald/integration-tests',
    ],
  },
  { pattern: /^etcd3$/, rooms: ['@herald/elector', '@herald/lab', '@herald/integration-tests'] },
];

/** What a test may import besides what its room may: the runner, assertions, and the root's test library. */
const forTests = ['node:test', 'node:assert/strict', 'fast-check'];

const builtins = new Set(builtinModules);

/** Why `specifier` may not be imported by `file` (an absolute path), or undefined if it may. */
export function whyForbidden(specifier, file) {
  const room = roomOf(file);
  if (room === undefined) return undefined;
  const isTest = file.endsWith('.test.ts');
  if (isTest && forTests.includes(specifier)) return undefined;
  if (specifier.startsWith('.')) return whyForbiddenPath(specifier, file, room);
  if (specifier.startsWith('node:') || builtins.has(specifier)) {
    return room.pure ? `${room.name} is pure: it may not use Node ("${specifier}")` : undefined;
  }
  const name = packageName(specifier);
  if (name.startsWith('@herald/')) return whyForbiddenRoom(specifier, name, room);
  return whyForbiddenDependency(name, room);
}

function whyForbiddenPath(specifier, file, room) {
  const target = relative(room.path, resolve(dirname(file), specifier));
  if (target !== '..' && !target.startsWith(`..${sep}`)) return undefined;
  return `"${specifier}" leaves ${room.folder}: import another room by its package name`;
}

function whyForbiddenRoom(specifier, name, room) {
  if (name === room.name) return `inside ${room.name}, import by relative path`;
  if (!room.mayImport.includes(name)) {
    const allowed = room.mayImport.length === 0 ? 'no other room' : room.mayImport.join(', ');
    return `no arrow leads from ${room.name} to ${name}: it may import ${allowed}`;
  }
  if (specifier === name || isEntry(`.${specifier.slice(name.length)}`, name)) return undefined;
  return `"${specifier}" reaches into ${name}: import "${name}"`;
}

/** Whether the package of a room offers `entry` beside its main one, e.g. `./grpc`. */
function isEntry(entry, name) {
  const manifest = join(repositoryFolder, rooms[name].folder, 'package.json');
  return entry in (JSON.parse(readFileSync(manifest, 'utf8')).exports ?? {});
}

function whyForbiddenDependency(name, room) {
  const restricted = restrictedDependencies.find(({ pattern }) => pattern.test(name));
  if (restricted !== undefined && !restricted.rooms.includes(room.name)) {
    return `${name} is only for ${restricted.rooms.join(', ')}`;
  }
  if (room.dependencies.has(name)) return undefined;
  return `${name} is not a dependency in ${room.folder}/package.json`;
}

/** "@scope/name/deep" and "name/deep" without what is deep. */
function packageName(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The rooms with what their package.json says, read once. */
const furnished = Object.entries(rooms).map(([name, room]) => {
  const path = join(repositoryFolder, room.folder);
  const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  // A peer that a user may bring along (an entry of its own uses it) counts as named, too.
  const { dependencies, peerDependencies } = manifest;
  const named = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
  return { name, path, ...room, dependencies: named };
});

function roomOf(file) {
  return furnished.find(({ path }) => file.startsWith(`${path}${sep}`));
}

/** The ESLint plugin: `herald/rooms` reports every import that the table forbids. */
export const heraldPlugin = {
  meta: { name: 'herald' },
  rules: {
    rooms: {
      meta: {
        type: 'problem',
        schema: [],
        docs: { description: 'imports follow the arrows between the rooms' },
        messages: { forbidden: '{{why}}' },
      },
      create(context) {
        const check = (node) => {
          if (typeof node?.value !== 'string') return;
          const why = whyForbidden(node.value, context.filename);
          if (why !== undefined) context.report({ node, messageId: 'forbidden', data: { why } });
        };
        return {
          ImportDeclaration: ({ source }) => check(source),
          ExportNamedDeclaration: ({ source }) => check(source),
          ExportAllDeclaration: ({ source }) => check(source),
          ImportExpression: ({ source }) => check(source),
          TSImportType: ({ source }) => check(source),
          TSExternalModuleReference: ({ expression }) => check(expression),
        };
      },
    },
  },
};
