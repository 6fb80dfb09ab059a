/** What members say of themselves: which state is newer, what is urgent, what is too much. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  checkFacts,
  compareStates,
  mergeStates,
  stateBytesMax,
  urgencyOf,
} from './endpoint-state.ts';
import type { Urgency } from './endpoint-state.ts';
import { InvalidValueError } from './errors.ts';
import { contact, payments, stateOf, verdictOn, version } from './fixtures.test.ts';
import { limits } from './limits.ts';

/** One member's states: a version says one thing, unless two processes claim one life. */
const arbitraryState = fc
  .tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.constantFrom('a:1', 'b:1'))
  .map(([generation, at, address]) =>
    stateOf(contact('m', { generation, address }), { version: at }),
  );

describe('merge of endpoint states', () => {
  it('P2: is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(arbitraryState, arbitraryState, arbitraryState, (a, b, c) => {
        assert.deepEqual(mergeStates(a, b), mergeStates(b, a));
        assert.deepEqual(mergeStates(mergeStates(a, b), c), mergeStates(a, mergeStates(b, c)));
        assert.deepEqual(mergeStates(a, a), a);
      }),
    );
  });

  it('P2: is the later one of a total order: generation, then version, then address', () => {
    fc.assert(
      fc.property(arbitraryState, arbitraryState, (a, b) => {
        assert.equal(Math.sign(compareStates(a, b)), -Math.sign(compareStates(b, a)) || 0);
        assert.ok(compareStates(mergeStates(a, b), a) >= 0);
        assert.ok(compareStates(mergeStates(a, b), b) >= 0);
      }),
    );
    const early = stateOf(contact('m', { generation: 1 }), { version: 9 });
    const late = stateOf(contact('m', { generation: 2 }), { version: 1 });
    assert.equal(mergeStates(early, late), late, 'a restart supersedes whatever was said before');
  });
});

describe('what everybody should hear of at once', () => {
  const member = contact('m');
  const other = contact('other');
  const base = stateOf(member);
  const cases: [string, ReturnType<typeof stateOf>, Urgency][] = [
    ['a refutation: the same at a higher version', stateOf(member, { version: 2 }), 'urgent'],
    ['a restart', stateOf(contact('m', { generation: 2 })), 'urgent'],
    ['a move', stateOf(contact('m', { address: 'elsewhere:1' }), { version: 2 }), 'urgent'],
    ['leaving', stateOf(member, { version: 2, status: 'leaving' }), 'urgent'],
    ['having left', stateOf(member, { version: 2, status: 'left' }), 'urgent'],
    ['an accusation', stateOf(member, { version: 2, unreachable: [verdictOn(other)] }), 'patient'],
    ['a new zone', stateOf(member, { version: 2, zone: 'z' }), 'patient'],
    [
      'a change applied',
      stateOf(member, { version: 2, applied: [{ election: payments, version: version(1) }] }),
      'patient',
    ],
  ];
  for (const [what, state, urgency] of cases) {
    it(`${what}: ${urgency}`, () => {
      assert.equal(urgencyOf(base, state), urgency);
    });
  }

  it('a join: soon, from either state of it', () => {
    assert.equal(urgencyOf(undefined, base), 'soon');
    const joining = stateOf(member, { status: 'joining' });
    assert.equal(urgencyOf(joining, stateOf(member, { version: 2 })), 'soon');
  });

  it('that an accusation is taken back: patient', () => {
    const accusing = stateOf(member, { unreachable: [verdictOn(other)] });
    assert.equal(urgencyOf(accusing, stateOf(member, { version: 2 })), 'patient');
  });
});

describe('facts of a member', () => {
  const facts = { zone: 'eu-1', build: '1.2.3', metadata: { rack: 'r7' } };
  const many = Array.from({ length: limits.metadataEntriesMax + 1 }, (_, n) => [`k${n}`, 'v']);
  const refused: [string, object, string][] = [
    ['a zone that is too long', { zone: 'z'.repeat(limits.nameBytesMax + 1) }, 'zone'],
    ['a zone that is too long in bytes', { zone: 'é'.repeat(limits.nameBytesMax / 2 + 1) }, 'zone'],
    ['a build of two lines', { build: '1\n2' }, 'build'],
    ['half a character', { metadata: { rack: '\uD800' } }, 'metadata "rack"'],
    ['an empty key', { metadata: { '': 'v' } }, 'metadata'],
    ['too many entries', { metadata: Object.fromEntries(many) as object }, 'metadata'],
    [
      'too much in all',
      { metadata: { a: 'x'.repeat(1000), b: 'x'.repeat(1000), c: 'x'.repeat(50) } },
      'metadata',
    ],
  ];
  for (const [what, change, field] of refused) {
    it(`${what}: refused`, () => {
      assert.throws(
        () => {
          checkFacts({ ...facts, ...change });
        },
        (error) => error instanceof InvalidValueError && error.field === field,
      );
    });
  }

  it('the largest that is allowed: accepted', () => {
    checkFacts({
      zone: 'é'.repeat(limits.nameBytesMax / 2),
      build: 'b'.repeat(limits.nameBytesMax),
      metadata: { a: 'x'.repeat(1000), b: 'x'.repeat(1000), c: 'x'.repeat(45) },
    });
  });

  it('the largest state fits a frame with room to spare', () => {
    const name = 'n'.repeat(limits.nameBytesMax);
    const state = stateOf(contact(name), {
      unreachable: Array.from({ length: limits.unreachableMax }, (_, n) =>
        verdictOn(contact(`${name.slice(4)}${1000 + n}`)),
      ),
    });
    const largest =
      stateBytesMax(state) + 3 * limits.memberMetadataBytesMax + 64 * (40 + 128) + 800;
    assert.ok(largest < limits.frameBytesMax / 1.5, `${largest} bytes`);
  });
});
