import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { InvalidValueError, parseNodeId } from '@herald/core';
import { toServiceError, WireError } from './errors.ts';

describe('a wire error', () => {
  it('names the field by its path, from the inside out', () => {
    const inner = new WireError('LIMIT_EXCEEDED', 'epoch', 'must be small');
    const outer = inner.within('version').within('record');
    assert.equal(outer.field, 'record.version.epoch');
    assert.equal(outer.message, 'record.version.epoch: must be small');
    assert.equal(outer.code, 'LIMIT_EXCEEDED');
    assert.equal(new WireError('MALFORMED', undefined, 'is bad').within('push').field, 'push');
  });

  it('is made of anything that was thrown', () => {
    const own = new WireError('MALFORMED', undefined, 'no frame');
    assert.equal(WireError.from(own), own);
    const invalid = new InvalidValueError('node id', 'must not be empty');
    const fromInvalid = WireError.from(invalid);
    assert.equal(fromInvalid.code, 'INVALID_VALUE');
    assert.equal(fromInvalid.cause, invalid);
    assert.equal(fromInvalid.message, 'node id: must not be empty');
    assert.equal(WireError.from(new RangeError('index')).code, 'MALFORMED');
    assert.equal(WireError.from('text').message, 'text');
  });

  it('is the caller’s fault to gRPC, and nothing else is', () => {
    const bad = toServiceError(new WireError('MALFORMED', 'election', 'is missing'));
    assert.equal(bad.code, status.INVALID_ARGUMENT);
    assert.equal(bad.details, 'election: is missing');
    assert.throws(
      () => parseNodeId(''),
      (error) => toServiceError(error).code === status.INVALID_ARGUMENT,
    );
    const ours = toServiceError(new TypeError('secret of our insides'));
    assert.equal(ours.code, status.INTERNAL);
    assert.equal(ours.details, 'internal error');
  });
});
