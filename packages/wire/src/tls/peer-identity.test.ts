/** P10: whom a certificate speaks for, as Node writes its names, and what that role may. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseClusterName } from '@herald/core';
import fc from 'fast-check';
import { electorService, gossipService, nodeService } from '../services.ts';
import { accessRefusal, rolesFor } from './access.ts';
import {
  formatPeerIdentity,
  parsePeerIdentity,
  peerRoles,
  readIdentity,
  vouchedBy,
} from './peer-identity.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { tlsTroubleIn } from './tls-trouble.ts';

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,40}$/);
const identity: fc.Arbitrary<PeerIdentity> = fc
  .record(
    { cluster: name, role: fc.constantFrom(...peerRoles), name },
    { requiredKeys: ['cluster', 'role'] },
  )
  .map((made) => ({ ...made }) as PeerIdentity);

describe('P10: whom a certificate speaks for', () => {
  it('every identity is read back from its URI, whatever other names stand around it', () => {
    const other = fc.constantFrom(
      'DNS:node-1',
      'IP Address:127.0.0.1',
      'URI:spiffe://x/y',
      'DNS:"a\\u002c b"',
    );
    fc.assert(
      fc.property(identity, fc.array(other), fc.array(other), (made, before, behind) => {
        const names = [...before, `URI:${formatPeerIdentity(made)}`, ...behind].join(', ');
        assert.deepEqual(readIdentity(names), { kind: 'identity', identity: made });
      }),
    );
  });

  it('any text is read without throwing, and as an identity only if it holds its URI once', () => {
    const part = fc.oneof(
      fc.string(),
      identity.map((made) => `URI:${formatPeerIdentity(made)}`),
      fc.constantFrom(', ', 'URI:', 'herald://', 'DNS:x', '"', '\\', 'URI:"herald://a/node"'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('');
        const reading = readIdentity(text);
        if (reading.kind === 'refused') return;
        assert.ok(text.includes(`URI:${formatPeerIdentity(reading.identity)}`));
      }),
    );
  });

  for (const [what, names, reason] of [
    ['no names at all', undefined, 'no-identity'],
    ['only others', 'DNS:node-1, URI:spiffe://prod/node', 'no-identity'],
    ['two', 'URI:herald://a/client, URI:herald://a/operator', 'several-identities'],
    ['the same twice', 'URI:herald://a/client, URI:herald://a/client', 'several-identities'],
    [
      'one with a comma, as Node quotes it',
      'URI:"herald://a/client\\u002c URI:herald://a/operator"',
      'malformed-identity',
    ],
    [
      'one quoted beside a good one',
      'URI:herald://a/client, URI:"herald://a/x\\u002c"',
      'several-identities',
    ],
    [
      'one hidden in a DNS name, as Node quotes it',
      'DNS:"x\\u002c URI:herald://a/operator"',
      'no-identity',
    ],
    ['an unknown role', 'URI:herald://a/root', 'malformed-identity'],
    ['a role in capitals', 'URI:herald://a/Node', 'malformed-identity'],
    ['a scheme in capitals', 'URI:HERALD://a/node', 'malformed-identity'],
    ['no role', 'URI:herald://a', 'malformed-identity'],
    ['an empty name', 'URI:herald://a/node/', 'malformed-identity'],
    ['more path', 'URI:herald://a/node/n/m', 'malformed-identity'],
    ['an escape', 'URI:herald://a/node/n%2f', 'malformed-identity'],
    ['a query', 'URI:herald://a/node?x', 'malformed-identity'],
    ['a user', 'URI:herald://u@a/node', 'malformed-identity'],
    ['a name that is too long', `URI:herald://a/node/${'n'.repeat(129)}`, 'malformed-identity'],
    ['names without end', `DNS:${'x'.repeat(20_000)}`, 'malformed-identity'],
  ] as const) {
    it(`${what}: nobody, ${reason}`, () => {
      const reading = readIdentity(names);
      assert.equal(reading.kind === 'refused' && reading.reason, reason);
    });
  }

  it('only members are vouched for, by name where there is one', () => {
    const of = (uri: string) => {
      const made = parsePeerIdentity(uri);
      return made && vouchedBy(made);
    };
    assert.deepEqual(of('herald://a/node/n'), { role: 'node', nodeId: 'n' });
    assert.deepEqual(of('herald://a/elector'), { role: 'elector' });
    assert.equal(of('herald://a/client/c'), undefined);
    assert.equal(of('herald://a/operator'), undefined);
  });
});

describe('P10: who may call what', () => {
  const may = (path: string): string => rolesFor(path).join(' ');

  it('members link, all ask, operators change; what nobody thought of is closed', () => {
    assert.equal(may(gossipService.link.path), 'elector node');
    for (const { path } of Object.values(nodeService)) assert.equal(may(path), peerRoles.join(' '));
    assert.equal(may(electorService.confirm.path), peerRoles.join(' '));
    assert.equal(may(electorService.status.path), peerRoles.join(' '));
    assert.equal(may(electorService.stepDown.path), 'operator');
    assert.equal(may('/grpc.health.v1.Health/Check'), peerRoles.join(' '));
    assert.equal(may('/herald.v1.Elector/Forget'), 'operator');
    assert.equal(may('/evil/grpc.health.v1.Health/Check'), 'operator');
  });

  it('a role is worth nothing in another cluster', () => {
    const reading = readIdentity('URI:herald://elsewhere/operator');
    const refusal = accessRefusal(electorService.stepDown.path, reading, parseClusterName('prod'));
    assert.equal(refusal?.reason, 'wrong-cluster');
    assert.match(refusal.detail, /^StepDown: the certificate is herald:\/\/elsewhere\/operator/);
    assert.equal(
      accessRefusal(electorService.stepDown.path, reading, parseClusterName('elsewhere')),
      undefined,
    );
  });
});

describe('what is said of TLS that did not come about', () => {
  for (const [text, pattern, isAnswered] of [
    [
      'Last error: Error: self-signed certificate in certificate chain. Resolution note: ',
      /--tls-ca/,
      true,
    ],
    ['Last error: Error: certificate has expired', /has expired/, true],
    ['routines:ssl3_get_record:wrong version number:', /--insecure/, true],
    [
      'No connection established. Last error: Failed to connect (2026)',
      /refuses our certificate/,
      true,
    ],
    ['Last error: read ECONNRESET (2026-11-26T00:42:01Z)', /refuses our certificate/, true],
    ['Last error: Error: read ECONNRESET', /none of ours/, false],
    [
      'Client network socket disconnected before secure TLS connection was established',
      /none of ours/,
      false,
    ],
  ] as const) {
    it(text.slice(0, 60), () => {
      const trouble = tlsTroubleIn(text);
      assert.match(trouble?.explanation ?? '', pattern);
      assert.equal(trouble?.isAnswered, isAnswered);
    });
  }

  it('is nothing of a connection that was refused, or broke later', () => {
    assert.equal(tlsTroubleIn('connect ECONNREFUSED 127.0.0.1:1'), undefined);
    assert.equal(tlsTroubleIn('read ECONNRESET'), undefined);
  });
});
