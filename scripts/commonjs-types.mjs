/**
 * Declarations for TypeScript projects that are CommonJS: run by npm before it packs a package. Node loads
 * our ES modules by `require` as well as by `import`, but TypeScript, where it is told of an older Node
 * (`module` node16 or node18), takes `require` of one for an error. So each entry gets a `.d.cts` that says
 * the same as its `.d.ts`: types by reference, values by `typeof`. docs/adr/0013-published-packages.md
 *
 * usage: node scripts/commonjs-types.mjs   (in the folder of a package)
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const folder = process.cwd();
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const entries = Object.values(manifest.exports);

for (const { require: wanted } of entries) {
  rmSync(dirname(join(folder, wanted.types)), { recursive: true, force: true });
}
for (const { import: given, require: wanted } of entries) {
  const path = join(folder, wanted.types);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, declarations(resolve(folder, given.types), path));
}

function declarations(source, destination) {
  const program = ts.createProgram([source], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(source);
  if (file === undefined) throw new Error(`${source} is not there: build before packing`);
  const target = relative(dirname(destination), source).replace(/\.d\.ts$/, '.js');
  const from = `'${target}' with { 'resolution-mode': 'import' };`;
  const lines = [
    `// What ${basename(source)} says, for projects that are CommonJS.`,
    `import type * as esm from ${from}`,
    `export type * from ${from}`,
  ];
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(file))) {
    lines.push(...linesFor(symbol.name, meaningOf(symbol, checker), checker));
  }
  return `${lines.join('\n')}\n`;
}

/** What an export stands for; one that was exported as a type has no value, whatever it is. */
function meaningOf(symbol, checker) {
  const isTypeOnly = (symbol.declarations ?? []).some(
    (declaration) =>
      ts.isExportSpecifier(declaration) && ts.isTypeOnlyExportDeclaration(declaration),
  );
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const real = isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  const isValue = !isTypeOnly && (real.flags & ts.SymbolFlags.Value) !== 0;
  return { real, isValue, isType: (real.flags & ts.SymbolFlags.Type) !== 0 };
}

/** Nothing for a mere type: the line that exports them all has it. */
function linesFor(name, { isType, isValue, real }, checker) {
  if (!isValue) return [];
  const value = `export declare const ${name}: typeof esm.${name};`;
  if (!isType) return [value];
  const { typeParameters = [] } = checker.getDeclaredTypeOfSymbol(real);
  if (typeParameters.length > 0) {
    throw new Error(
      `${name} is generic: teach scripts/commonjs-types.mjs to repeat its parameters`,
    );
  }
  return [value, `export type ${name} = esm.${name};`];
}
