/**
 * P10 between members and callers, over real sockets: who is let in, who is told why not, and what
 * becomes of links when certificates are replaced. Here, since certificates come from the lab.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { before, test } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import { CertificateAuthority } from '@herald/authority';
import { waitUntil } from '@herald/lab';
import type { Member } from '@herald/member';
import { MemberError } from '@herald/member';
import { TlsKeeper, WireError } from '@herald/wire';
import { patienceMs } from './support/test-cluster.ts';
import {
  ask,
  keeperOf,
  KeptLog,
  materialOf,
  startMember,
  unchecked,
  uriOf,
} from './support/tls-party.ts';

let authority: CertificateAuthority;
let foreign: CertificateAuthority;

before(async () => {
  [authority, foreign] = await Promise.all([
    CertificateAuthority.create('ours'),
    CertificateAuthority.create('theirs'),
  ]);
});

function isLinked(member: Member, to: string): boolean {
  return member.links().some(({ peer }) => peer.nodeId === to);
}

async function until(what: string, condition: () => boolean): Promise<void> {
  await waitUntil(what, condition, { timeoutMs: patienceMs, pollMs: 10 });
}

test('members with certificates of their own link, and end in good order', async () => {
  await using a = await startMember('a', 'elector', await keeperOf(authority, 'elector', 'a'));
  const seeds = [a.address];
  await using b = await startMember('b', 'node', await keeperOf(authority, 'node'), { seeds });
  await until('the link', () => isLinked(a, 'b') && isLinked(b, 'a'));
  assert.deepEqual(a.stats().turnedAway, {});
  const startedMs = performance.now();
  await b.close();
  assert.ok(performance.now() - startedMs < 2_000);
  await until('the end of the link', () => !isLinked(a, 'b'));
});

test('a member that greets as another is refused, and told why', async () => {
  const log = new KeptLog();
  await using a = await startMember('a', 'elector', await keeperOf(authority, 'elector', 'a'));
  // The certificate is good for any node; that it is used by one that calls itself an elector is caught
  // at its own start, so the check there is gone around by a keeper that lies.
  const tls = await keeperOf(authority, 'node');
  const liar = new Proxy(tls, {
    get: (target, key): unknown => {
      if (key === 'identity') return { ...target.identity, role: 'elector' };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const options = { seeds: [a.address], logger: log };
  await using b = await startMember('b', 'elector', liar, options);
  await until('the refusal', () => log.lines.some((line) => line.includes('that of node/*')));
  assert.ok(!isLinked(a, 'b'));
  assert.ok(!isLinked(b, 'a'));
});

test('a member does not start with the certificate of another', async () => {
  for (const [role, name] of [
    ['node', 'other'],
    ['elector', 'a'],
    ['client', 'a'],
  ] as const) {
    const tls = await keeperOf(authority, role, name);
    await assert.rejects(startMember('a', 'node', tls), (error) => {
      assert.ok(error instanceof MemberError);
      assert.equal(error.code, 'WRONG_CERTIFICATE');
      assert.match(error.message, /herald:\/\/tls-tests\/node\/a/);
      return true;
    });
  }
});

test('whoever is not vouched for is cut off before HTTP/2, and counted by reason', async () => {
  const log = new KeptLog();
  const tls = await keeperOf(authority, 'node', 'n');
  await using n = await startMember('n', 'node', tls, { logger: log });
  const client = await materialOf(authority, uriOf('client'));
  const stranger = { ...(await materialOf(foreign, uriOf('operator'))), ca: authority.ca };
  const late = await materialOf(authority, {
    uris: [uriOf('operator')],
    expiresAtMs: Date.now() - 1_000,
  });
  assert.equal(await ask(n.address, unchecked(client)), 'ok');
  assert.match(await ask(n.address, unchecked(stranger)), /^14 UNAVAILABLE/);
  assert.match(await ask(n.address, unchecked(late)), /^14 UNAVAILABLE/);
  assert.match(await ask(n.address, unchecked(client, false)), /^14 UNAVAILABLE/);
  assert.match(await ask(n.address, credentials.createInsecure()), /^14 UNAVAILABLE/);
  const { turnedAway } = n.stats();
  for (const reason of ['untrusted', 'expired', 'no-certificate', 'not-tls'] as const) {
    assert.ok((turnedAway[reason] ?? 0) > 0, `${reason} in ${JSON.stringify(turnedAway)}`);
    assert.ok(
      log.lines.some((line) => line.includes(`"reason":"${reason}"`)),
      reason,
    );
  }
  assert.ok(log.lines.every((line) => line.includes('127.0.0.1')));
});

test('a certificate of ours that is for something else: PERMISSION_DENIED that says what is needed', async () => {
  const tls = await keeperOf(authority, 'node', 'n');
  await using n = await startMember('n', 'node', tls);
  const elsewhere = await materialOf(authority, uriOf('operator', undefined, 'elsewhere'));
  const nobody = await materialOf(authority, { hosts: ['127.0.0.1'] });
  const twofold = await materialOf(authority, { uris: [uriOf('client'), uriOf('operator')] });
  const quoted = await materialOf(authority, {
    uris: [`${uriOf('client')}, URI:${uriOf('operator')}`],
  });
  for (const [material, pattern] of [
    [elsewhere, /PERMISSION_DENIED: ListMembers: .*elsewhere.*this is cluster "tls-tests"/],
    [nobody, /PERMISSION_DENIED: ListMembers: .*no URI herald:\/\/CLUSTER\/ROLE\/NAME/],
    [twofold, /PERMISSION_DENIED: ListMembers: .*more than one herald: URI/],
    [quoted, /PERMISSION_DENIED: ListMembers: the herald: URI of the certificate is none/],
  ] as const) {
    assert.match(await ask(n.address, unchecked(material)), pattern);
  }
  const client = unchecked(await materialOf(authority, uriOf('client', 'app')));
  assert.match(
    await ask(n.address, client, 'stepDown'),
    /PERMISSION_DENIED: StepDown: a certificate of role operator is needed, .*client\/app/,
  );
  const operator = unchecked(await materialOf(authority, uriOf('operator')));
  assert.equal(await ask(n.address, operator, 'stepDown'), 'ok');
  assert.equal(await ask(n.address, client, 'status'), 'ok');
  assert.equal(await ask(n.address, client, 'confirm'), 'ok');
  assert.deepEqual(Object.keys(n.stats().turnedAway).sort(), [
    'malformed-identity',
    'no-identity',
    'several-identities',
    'wrong-cluster',
    'wrong-role',
  ]);
});

test('a channel of ours trusts a server only with the certificate of a member', async () => {
  const client = await keeperOf(authority, 'client');
  for (const [theirs, pattern] of [
    [await materialOf(authority, uriOf('node', 'n')), /^ok$/],
    [await materialOf(foreign, uriOf('node', 'n')), /self-signed certificate/],
  ] as const) {
    // A member that trusts both authorities, so that only what we think of it counts.
    const tls = new TlsKeeper({ ...theirs, ca: authority.ca + foreign.ca });
    await using n = await startMember('n', 'node', tls);
    assert.match(await ask(n.address, client.channel('member')), pattern);
    if (pattern.source !== '^ok$') continue;
    const answer = await ask(n.address, client.channel('elector'));
    assert.match(answer, /role elector is needed, and this one is herald:\/\/tls-tests\/node\/n/);
  }
});

test('a member in plain text and one with TLS stay apart, and the one with TLS says why', async () => {
  const log = new KeptLog();
  await using plain = await startMember('plain', 'node', undefined);
  const tls = await keeperOf(authority, 'node', 'b');
  await using b = await startMember('b', 'node', tls, { seeds: [plain.address], logger: log });
  await until('a word of it', () => log.lines.some((line) => line.includes('--insecure')));
  assert.ok(!isLinked(b, 'plain'));
});

test('P6: connections that never end their handshake count, and make room when they are gone', async () => {
  const tls = await keeperOf(authority, 'node', 'n');
  await using n = await startMember('n', 'node', tls, { connectionsPerAddressMax: 4 });
  const { host, port } = n.listening;
  const halfOpen = Array.from({ length: 4 }, () => connectTcp(port, host));
  await Promise.all(halfOpen.map((socket) => once(socket, 'connect')));
  const beyond = connectTcp(port, host).resume();
  beyond.on('error', () => undefined); // reset or ended, as it comes
  await once(beyond, 'close');
  assert.equal(n.stats().connectionsRefused, 1);
  for (const socket of halfOpen) socket.destroy();
  const client = unchecked(await materialOf(authority, uriOf('client')));
  await waitUntil('room', async () => (await ask(n.address, client)) === 'ok', {
    timeoutMs: patienceMs,
  });
});

test('TLS 1.2 is not spoken, and no session is resumed', async () => {
  const tls = await keeperOf(authority, 'node', 'n');
  await using n = await startMember('n', 'node', tls);
  const { port } = n.listening;
  const { ca, cert, key } = await materialOf(authority, uriOf('client'));
  const options = { host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['h2'] };
  const identity = { checkServerIdentity: () => undefined };
  const dial = (more: object) =>
    new Promise<{ session: Buffer | undefined; reused: boolean }>((resolve, reject) => {
      let session: Buffer | undefined;
      const socket = connect({ ...options, ...identity, ...more }, () => {
        const reused = socket.isSessionReused();
        // Tickets come after the handshake, with the server's first HTTP/2 frame at the latest.
        socket.once('data', () => {
          socket.destroy();
          resolve({ session, reused });
        });
      });
      socket.on('session', (given) => {
        session = given;
      });
      socket.on('error', reject);
    });
  await assert.rejects(dial({ maxVersion: 'TLSv1.2' }), /protocol version/);
  const first = await dial({});
  const again = await dial({ session: first.session });
  assert.equal(again.reused, false);
});

test('replacing certificates: links stay, new ones use the new, and a bad one changes nothing', async () => {
  const both = (own: CertificateAuthority, uri: string) =>
    materialOf(own, uri).then((material) => ({ ...material, ca: authority.ca + foreign.ca }));
  const tlsA = await keeperOf(authority, 'node', 'a');
  const tlsB = await keeperOf(authority, 'node', 'b');
  await using a = await startMember('a', 'node', tlsA);
  await using b = await startMember('b', 'node', tlsB, { seeds: [a.address] });
  await until('the link', () => isLinked(a, 'b') && isLinked(b, 'a'));
  const [standing] = a.links();

  // First everybody trusts both authorities, then each shows a certificate of the new one.
  tlsA.replace({ ...tlsA.material, ca: authority.ca + foreign.ca });
  tlsB.replace({ ...tlsB.material, ca: authority.ca + foreign.ca });
  tlsA.replace(await both(foreign, uriOf('node', 'a')));
  tlsB.replace(await both(foreign, uriOf('node', 'b')));
  // At last nobody trusts the old one.
  tlsA.replace({ ...tlsA.material, ca: foreign.ca });

  const old = unchecked(await both(authority, uriOf('client')));
  const fresh = unchecked(await both(foreign, uriOf('client')));
  assert.match(await ask(a.address, old), /UNAVAILABLE/);
  assert.equal(await ask(a.address, fresh), 'ok');
  await using c = await startMember(
    'c',
    'node',
    new TlsKeeper(await both(foreign, uriOf('node', 'c'))),
    {
      seeds: [a.address],
    },
  );
  await until('a link with the new ones', () => isLinked(c, 'a'));
  const stands = a.links().some(({ id }) => id === standing?.id);
  assert.ok(stands, 'the link of before stands');

  const before = tlsA.material;
  const { key } = await materialOf(foreign, uriOf('node', 'a'));
  const expiresAtMs = Date.now() - 1_000;
  for (const [bad, field] of [
    [{ ...before, key }, 'key'],
    [{ ...before, key: 'none' }, 'key'],
    [{ ...before, cert: 'none' }, 'cert'],
    [{ ...before, ca: '' }, 'ca'],
    [{ ...before, ca: authority.ca }, 'cert'],
    [await both(foreign, uriOf('node', 'z')), 'cert'],
    [await materialOf(foreign, { uris: [uriOf('node', 'a')], expiresAtMs }), 'cert'],
    [
      await materialOf(foreign, { uris: [uriOf('node', 'a')], validFromMs: Date.now() + 60_000 }),
      'cert',
    ],
    [await materialOf(foreign, { hosts: ['a'] }), 'cert'],
  ] as const) {
    assert.throws(
      () => {
        tlsA.replace(bad);
      },
      (error) => {
        assert.ok(error instanceof WireError);
        assert.equal(error.field, field);
        assert.ok(!error.message.includes('PRIVATE'));
        return true;
      },
    );
  }
  assert.equal(tlsA.material, before);
  assert.equal(await ask(a.address, fresh), 'ok');
});
