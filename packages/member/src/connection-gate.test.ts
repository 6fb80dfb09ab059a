/** What connections one address can hold, that it costs no other address anything, and that it is told seldom. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionGate } from './connection-gate.ts';
import type { MemberLogger } from './options.ts';
import { silentLogger } from './silent-logger.ts';
import { startMember, until } from './testing.ts';

/** What the gate uses of a socket. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  isDestroyed = false;

  constructor(remoteAddress: string | undefined) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.emit('close');
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

/** Opens a connection from that address; undefined when it was refused. */
function opened(gate: ConnectionGate, address: string): FakeSocket | undefined {
  const socket = new FakeSocket(address);
  const isAdmitted = gate.admits(socket.asSocket());
  assert.equal(socket.isDestroyed, !isAdmitted);
  return isAdmitted ? socket : undefined;
}

test('P6: whoever opens and closes, an address is refused exactly when it holds its share or all is taken', () => {
  const steps = fc.array(
    fc.record({ address: fc.constantFrom('a', 'b', 'c'), closes: fc.boolean() }),
    { maxLength: 100, size: 'max' },
  );
  const bounds = fc.record({
    perAddressMax: fc.integer({ min: 1, max: 8 }),
    max: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(bounds, steps, ({ perAddressMax, max }, all) => {
      const gate = new ConnectionGate({ perAddressMax, max }, silentLogger, () => 0);
      const held: FakeSocket[] = [];
      let refused = 0;
      for (const { address, closes } of all) {
        const ours = held.filter(({ remoteAddress }) => remoteAddress === address);
        const [oldest] = ours;
        if (closes && oldest !== undefined) {
          oldest.destroy();
          held.splice(held.indexOf(oldest), 1);
          continue;
        }
        const socket = opened(gate, address);
        const hasRoom = ours.length < perAddressMax && held.length < max;
        assert.equal(socket !== undefined, hasRoom);
        if (socket === undefined) refused++;
        else held.push(socket);
      }
      assert.equal(gate.refused, refused);
      gate.destroyAll();
      assert.ok(held.every(({ isDestroyed }) => isDestroyed));
    }),
  );
});

test('a connection that was reset before it was looked at counts as nothing', () => {
  const gate = new ConnectionGate({ perAddressMax: 1 }, silentLogger, () => 0);
  assert.equal(gate.admits(new FakeSocket(undefined).asSocket()), false);
  assert.equal(gate.refused, 0);
  assert.notEqual(opened(gate, 'a'), undefined);
});

test('a flood of connections is a line now and then, which says how many it stands for', () => {
  const told: object[] = [];
  const logger: MemberLogger = { ...silentLogger, warn: (fields) => told.push(fields) };
  let nowMs = 0;
  const gate = new ConnectionGate({ perAddressMax: 1 }, logger, () => nowMs);
  opened(gate, 'a');
  for (let count = 0; count < 1_000; count++) opened(gate, 'a');
  nowMs += 60_000;
  opened(gate, 'a');
  const line = { peer: 'a', bound: 'per-address', max: 1 };
  assert.deepEqual(told, [
    { ...line, suppressed: 0 },
    { ...line, suppressed: 999 },
  ]);
  assert.equal(gate.refused, 1_001);
});

test('connections that say nothing are cut off beyond the share of their address, and make room when they go', async () => {
  const member = await startMember('crowded', { connectionsPerAddressMax: 4 });
  const { host, port } = member.listening;
  const silent = Array.from({ length: 4 }, () => connect(port, host));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  const beyond = connect(port, host).resume();
  beyond.on('error', () => undefined); // reset or ended, as it comes
  await once(beyond, 'close');
  assert.equal(member.stats().connectionsRefused, 1);
  const other = await startMember('other', { seeds: [member.address] });
  await until('the other to be refused', () => member.stats().connectionsRefused > 1);
  assert.deepEqual(other.links(), []);
  for (const socket of silent) socket.destroy();
  await until('the other is linked', () => other.links().length === 1);
  await Promise.all([member.close(), other.close()]);
});

test('a member that closes ends connections that never spoke', async () => {
  const member = await startMember('closing');
  const { host, port } = member.listening;
  const silent = connect(port, host).resume();
  silent.on('error', () => undefined); // reset or ended, as it comes
  await once(silent, 'connect');
  const closed = once(silent, 'close');
  await member.close();
  await closed;
});
