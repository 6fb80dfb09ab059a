/** What is remembered of others: generations, moves, back-off, the bound. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { AddressBook } from './address-book.ts';
import { contact } from './fixtures.test.ts';
import { parseAddress } from './ids.ts';
import { limits } from './limits.ts';
import { seededRandom } from './random.ts';
import { defaultTuning } from './tuning.ts';

const self = contact('self');
const newBook = (): AddressBook => new AddressBook(self, defaultTuning, seededRandom(1));

describe('address book', () => {
  it('never holds its owner', () => {
    const book = newBook();
    book.addSeed(self.address, undefined);
    assert.ok(!book.learn(contact('self', { address: 'elsewhere:1' })));
    assert.ok(!book.learn(contact('other', { address: self.address })));
    assert.equal(book.size, 0);
  });

  it('says whether there is somebody new to dial', () => {
    const book = newBook();
    assert.ok(book.learn(contact('a')));
    assert.ok(!book.learn(contact('a')));
    assert.ok(book.learn(contact('a', { generation: 2 })), 'it restarted');
    assert.ok(!book.learn(contact('a', { generation: 1 })));
  });

  it('a higher generation supersedes, and moves the member to its new address', () => {
    const book = newBook();
    book.learn(contact('a', { generation: 2 }));
    book.learn(contact('a', { generation: 1, address: 'old:1' }));
    assert.deepEqual(book.contacts(), [contact('a', { generation: 2 })]);
    const moved = contact('a', { generation: 3, address: 'new:1' });
    book.learn(moved);
    assert.deepEqual(book.contacts(), [moved]);
  });

  it('a restart ends the back-off; another member at the same address does not', () => {
    const book = newBook();
    const { address } = contact('a');
    book.learn(contact('a'));
    book.noteFailure(address, 0);
    assert.ok((book.get(address)?.notBeforeMs ?? 0) > 0);
    book.learn(contact('b', { address, generation: 7 }));
    assert.ok((book.get(address)?.notBeforeMs ?? 0) > 0);
    book.learn(contact('b', { address, generation: 8 }));
    assert.equal(book.get(address)?.notBeforeMs, 0);
  });

  it('keeps who answered at a seed, once, under the address that it advertises', () => {
    const book = newBook();
    const alias = parseAddress('alias:1');
    book.addSeed(alias, undefined);
    book.learn(contact('a'));
    book.noteSuccess(alias, contact('a'));
    assert.equal(book.get(alias)?.contact?.nodeId, contact('a').nodeId);
    assert.deepEqual(book.contacts(), [contact('a')]);
    assert.deepEqual(book.sample(16, undefined), [contact('a')]);
    book.noteSuccess(alias, contact('b'));
    book.learn(contact('a', { generation: 2, address: 'moved:1' }));
    assert.deepEqual(book.contacts(), [contact('a', { generation: 2, address: 'moved:1' })]);
  });

  it('tells others only of those that answer, and never the asker of itself', () => {
    const book = newBook();
    for (const name of ['a', 'b', 'c']) book.learn(contact(name));
    book.noteFailure(contact('b').address, 0);
    assert.deepEqual(book.sample(16, contact('a').nodeId), [contact('c')]);
  });

  it('makes room for fresh names under the bound; those that fail most go first', () => {
    const book = newBook();
    const seed = parseAddress('seed:1');
    book.addSeed(seed, undefined);
    for (let n = 1; n < limits.contactsMax; n++) book.learn(contact(`m${n}`));
    assert.equal(book.size, limits.contactsMax);
    for (let n = 1; n < limits.contactsMax; n += 2) book.noteFailure(contact(`m${n}`).address, 0);
    for (let n = 0; n < 300; n++) assert.ok(book.learn(contact(`fresh${n}`)));
    assert.equal(book.size, limits.contactsMax);
    assert.ok(book.get(seed) !== undefined, 'seeds stay');
    const failing = [...book.entries()].filter(({ failures }) => failures > 0).length;
    assert.ok(failing < 250, `${failing} of 512 failing ones are left`);
  });

  it('holds no more seeds than that either', () => {
    const book = newBook();
    for (let n = 0; n < limits.contactsMax + 5; n++)
      book.addSeed(parseAddress(`s${n}:1`), undefined);
    assert.equal(book.size, limits.contactsMax);
    assert.ok(!book.learn(contact('a')));
  });
});
