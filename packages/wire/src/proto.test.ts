import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { electorService, gossipService, nodeService, packageDefinition } from './index.ts';

interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly { name: string; jsonName: string; typeName?: string }[];
  readonly nestedType?: readonly (MessageDescriptor & { options?: { mapEntry?: boolean } })[];
}

function descriptorBytes(): Buffer {
  const definition = packageDefinition['herald.v1.Frame'];
  assert.ok(definition !== undefined && 'fileDescriptorProtos' in definition);
  const [bytes] = definition.fileDescriptorProtos as Buffer[];
  assert.ok(bytes !== undefined);
  return bytes;
}

function decodedDescriptor(): { package: string; messageType: readonly MessageDescriptor[] } {
  const codec = loadSync('google/protobuf/descriptor.proto', {})[
    'google.protobuf.FileDescriptorProto'
  ] as unknown as MessageTypeDefinition<object, ReturnType<typeof decodedDescriptor>>;
  return codec.deserialize(descriptorBytes());
}

describe('the package definition', () => {
  it('describes every method that the services speak, under the same path', () => {
    const services = [
      ['herald.v1.Gossip', gossipService],
      ['herald.v1.Node', nodeService],
      ['herald.v1.Elector', electorService],
    ] as const;
    for (const [name, service] of services) {
      const described = packageDefinition[name] as unknown as Record<
        string,
        { path: string; requestStream: boolean; responseStream: boolean; originalName: string }
      >;
      const shape = (method: { path: string; requestStream: boolean; responseStream: boolean }) => [
        method.path,
        method.requestStream,
        method.responseStream,
      ];
      assert.deepEqual(
        Object.values(service).map(shape),
        Object.values(described).map(shape),
        `${name} in the proto files and in the definitions`,
      );
      assert.deepEqual(
        Object.keys(service),
        Object.values(described).map((method) => method.originalName),
      );
    }
  });

  it('carries one descriptor, with the names of the proto files, that readers of protoc accept', () => {
    const file = decodedDescriptor();
    assert.equal(file.package, 'herald.v1');
    const message = (name: string) => file.messageType.find((candidate) => candidate.name === name);
    const leader = message('Leader');
    assert.deepEqual(
      leader?.field.map(({ name, jsonName }) => [name, jsonName]),
      [
        ['id', 'id'],
        ['address', 'address'],
        ['elector_address', 'electorAddress'],
        ['metadata', 'metadata'],
      ],
    );
    // protoc's rule for a map field; grpcurl refuses the whole file over it.
    assert.equal(leader.field[3]?.typeName, 'MetadataEntry');
    assert.deepEqual(
      leader.nestedType?.map(({ name, options }) => [name, options?.mapEntry]),
      [['MetadataEntry', true]],
    );
    for (const definition of Object.values(packageDefinition)) {
      if (!('fileDescriptorProtos' in definition)) continue;
      assert.deepEqual(definition.fileDescriptorProtos, [descriptorBytes()]);
    }
  });

  it('can be loaded by grpc-js', () => {
    const { herald } = loadPackageDefinition(packageDefinition);
    assert.ok(herald !== undefined && 'v1' in herald);
  });
});
