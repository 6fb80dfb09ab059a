/**
 * What the linter holds us to: type-checked strictness everywhere, the wall between the rooms
 * (scripts/lint-wall.mjs), the purity of packages/core, and the few habits that a rule can see.
 * Formatting is prettier's alone. scripts/lint-wall.test.mjs proves that the wall stands.
 */
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import prettier from 'eslint-config-prettier/flat';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

import { heraldPlugin } from './scripts/lint-wall.mjs';

/** Every source file stays within one subject (STYLE: some 400 lines); tests may list more cases. */
const SOURCE_LINES_MAX = 450;

/** What exists in a JavaScript runtime but not in a pure computation. */
const impureGlobals = [
  'Buffer',
  'Date',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
].map((name) => ({
  name,
  message: 'packages/core is pure: time, randomness and I/O are arguments.',
}));

const noRandom = {
  object: 'Math',
  property: 'random',
  message: 'Take the seeded generator as an argument, so that a run replays by its seed.',
};

const noWallClock = {
  object: 'Date',
  property: 'now',
  message: 'No wall clock is ever compared (P1): use the monotonic clock.',
};

const habits = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'Named exports only: a thing has one name everywhere.',
  },
  {
    selector: 'ExportAllDeclaration',
    message: 'No wildcard re-exports: the public surface is a list that one can read.',
  },
];

export default defineConfig([
  globalIgnores(['**/dist/', '**/generated/', '**/coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
    ],
    plugins: { herald: heraldPlugin, 'import-x': importX },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })],
    },
    rules: {
      'herald/rooms': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/order': [
        'error',
        {
          groups: ['builtin', 'external', ['parent', 'sibling', 'index']],
          pathGroups: [{ pattern: '@herald/**', group: 'external', position: 'after' }],
          'newlines-between': 'ignore',
        },
      ],
      'max-lines': ['error', { max: SOURCE_LINES_MAX }],
      'no-restricted-syntax': ['error', ...habits],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // Unused parameters document an interface; a leading underscore says that it is meant.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // Ids are branded strings, so an index signature and a Record say different things to a reader.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      // tsconfig's noPropertyAccessFromIndexSignature asks for the brackets that this would remove.
      '@typescript-eslint/dot-notation': 'off',
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': ['error', noRandom],
      'no-restricted-syntax': [
        'error',
        ...habits,
        {
          selector: 'ImportExpression',
          message: 'packages/core is pure: nothing is loaded later.',
        },
        {
          selector: 'MetaProperty',
          message: 'packages/core is pure: it does not know where it is.',
        },
      ],
    },
  },
  {
    // Tests of the core and all of the simulator replay by seed under virtual time.
    files: ['packages/core/src/**/*.test.ts', 'packages/simulator/src/**/*.ts'],
    rules: { 'no-restricted-properties': ['error', noRandom, noWallClock] },
  },
  {
    files: [
      'packages/{wire,member,client,process,authority}/src/**/*.ts',
      'services/*/src/**/*.ts',
      'packages/lab/src/**/*.ts',
    ],
    rules: { 'no-restricted-properties': ['error', noWallClock] },
  },
  {
    files: ['**/*.test.ts', 'integration-tests/**/*.ts'],
    rules: {
      'max-lines': 'off',
      // node:test runs what `it` and `describe` return; nobody else needs to wait for it.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['describe', 'it', 'suite', 'test'] },
          ],
        },
      ],
      // A test that stands in for an interface often has nothing to wait for, or to do.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // In a test a wrong assumption about undefined fails loudly, which is what a test is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // Scripts run before anything is built: plain JavaScript on plain Node.
    files: ['**/*.mjs', 'eslint.config.js'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'AbortController',
          'AbortSignal',
          'Buffer',
          'URL',
          'clearTimeout',
          'console',
          'performance',
          'process',
        ]
          .concat(['clearInterval', 'setInterval', 'setTimeout'])
          .map((name) => [name, 'readonly']),
      ),
    },
    rules: { eqeqeq: 'error' },
  },
  prettier,
]);
