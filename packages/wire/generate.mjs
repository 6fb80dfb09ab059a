/**
 * Generates TypeScript types from `proto/`, copies the proto files into this package, so that the
 * published package carries what it loads at run time, and writes their descriptor for reflection.
 * Writes only when something changed, which keeps `tsc -b` quick.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';

const here = dirname(fileURLToPath(import.meta.url));
const protoRoot = join(here, '..', '..', 'proto');
const typesOut = join(here, 'src', 'generated');
const protoOut = join(here, 'generated', 'proto');
const stamp = join(here, 'generated', 'stamp');

function filesBelow(folder) {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}

/**
 * The `FileDescriptorProto` of all proto files, with three faults of proto-loader's own mended. The
 * entry type of a map field must be called `FieldNameEntry`, or grpcurl and all that is built on
 * protoc refuse the file; fields keep the case of the proto files, and their JSON names are stated.
 */
function fileDescriptor(protoFiles) {
  const loaded = loadSync(protoFiles, { includeDirs: [protoRoot], keepCase: true });
  const [encoded, ...others] = Object.values(loaded).find(
    (definition) => 'fileDescriptorProtos' in definition,
  ).fileDescriptorProtos;
  if (others.length > 0) throw new Error('the proto files must be of one package');
  const descriptor = loadSync('google/protobuf/descriptor.proto', {});
  const codec = descriptor['google.protobuf.FileDescriptorProto'];
  const file = codec.deserialize(encoded);
  file.messageType.forEach(mendMessage);
  return codec.serialize(file);
}

function mendMessage(message) {
  const fields = message.field ?? [];
  for (const field of fields) {
    field.jsonName = field.name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  }
  for (const nested of message.nestedType ?? []) {
    mendMessage(nested);
    if (!nested.options?.mapEntry) continue;
    const field = fields.find(({ typeName }) => typeName === nested.name);
    nested.name = `${field.jsonName[0].toUpperCase()}${field.jsonName.slice(1)}Entry`;
    field.typeName = nested.name;
  }
}

const protoFiles = filesBelow(protoRoot)
  .filter((path) => path.endsWith('.proto'))
  .sort();
const names = protoFiles.map((path) => relative(protoRoot, path));
/** What reflection describes; those who read google.rpc bring its descriptors along. */
const ownNames = names.filter((name) => name.startsWith('herald/'));
const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
for (const path of protoFiles) hash.update(path.slice(protoRoot.length)).update(readFileSync(path));
const digest = hash.digest('hex');

const upToDate =
  existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && existsSync(typesOut);
if (!upToDate) {
  rmSync(typesOut, { recursive: true, force: true });
  rmSync(join(here, 'generated'), { recursive: true, force: true });
  const loader = dirname(createRequire(import.meta.url).resolve('@grpc/proto-loader/package.json'));
  execFileSync(
    process.execPath,
    [
      join(loader, 'build', 'bin', 'proto-loader-gen-types.js'),
      `--includeDirs=${protoRoot}`,
      '--importFileExtension=.ts',
      '--longs=String',
      '--enums=String',
      '--oneofs',
      '--defaults',
      '--grpcLib=@grpc/grpc-js',
      `--outDir=${typesOut}`,
      '--',
      ...names,
    ],
    { cwd: protoRoot, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  // The generator writes the absolute path of each proto file into a comment: of no use elsewhere.
  for (const path of filesBelow(typesOut)) {
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replaceAll(`// Original file: ${protoRoot}/`, '// Original file: proto/'),
    );
  }
  mkdirSync(protoOut, { recursive: true });
  cpSync(protoRoot, protoOut, { recursive: true });
  writeFileSync(join(here, 'generated', 'descriptor.bin'), fileDescriptor(ownNames));
  writeFileSync(stamp, digest);
}
