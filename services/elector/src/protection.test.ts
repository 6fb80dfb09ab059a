/** P10: an elector is in plain text only where that was said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkProtection } from './protection.ts';

const whole = { tls: 'certificates', trust: 'keys', signer: 'a key' };

test('P10: all of it, or plain text that was said', () => {
  checkProtection(whole);
  checkProtection({ insecure: true });
  checkProtection({ ...whole, insecure: false });
});

test('P10: what is missing is named, and so is what does not go together', () => {
  assert.throws(
    () => checkProtection({}),
    /^InvalidValueError: tls, trust, signer: must be given.*insecure: true/,
  );
  const { tls, trust } = whole;
  assert.throws(() => checkProtection({ tls, trust }), /^InvalidValueError: signer: must be given/);
  const both = { insecure: true, trust };
  assert.throws(
    () => checkProtection(both),
    /^InvalidValueError: insecure: cannot be combined with trust$/,
  );
});
