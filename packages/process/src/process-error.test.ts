import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError, exitCodeOf, listenError, ProcessError } from './process-error.ts';

test('exit codes follow the code of the error', () => {
  assert.equal(exitCodeOf(new ProcessError('BAD_CONFIGURATION', '')), 2);
  assert.equal(exitCodeOf(new ProcessError('DEPENDENCY_UNAVAILABLE', '')), 3);
  assert.equal(exitCodeOf(new ProcessError('ADDRESS_UNAVAILABLE', '')), 3);
  assert.equal(exitCodeOf(new ProcessError('SHUTDOWN_TIMEOUT', '')), 1);
  assert.equal(exitCodeOf(new ProcessError('STOPPED', '')), 0);
  assert.equal(exitCodeOf(new Error('any other')), 1);
  assert.equal(exitCodeOf('not even an error'), 1);
});

test('an error is described in one line, with its causes and no repetition', () => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  const error = new ProcessError('FAILED', 'cannot\n  start', {
    cause: new Error('call failed', { cause: refused }),
  });
  assert.equal(describeError(error), 'cannot start: call failed: ECONNREFUSED');
  assert.equal(describeError(new Error('a: b', { cause: new Error('b') })), 'a: b');
  assert.equal(describeError(new TypeError('no function')), 'TypeError: no function');
  assert.equal(describeError('text'), 'text');
});

test('a chain of causes that is a circle ends', () => {
  const error = new Error('round');
  error.cause = error;
  assert.equal(describeError(error), 'round');
});

test('a failed bind says what to do, also when grpc-js kept only the text', () => {
  const error = listenError(
    'gossip server (--listen)',
    '127.0.0.1:7000',
    new Error('No address added out of total 1 resolved; errors: [listen EADDRINUSE]'),
  );
  assert.equal(error.code, 'ADDRESS_UNAVAILABLE');
  assert.equal(
    error.message,
    'gossip server (--listen): 127.0.0.1:7000 is already in use; stop what holds it or choose another',
  );
  assert.match(listenError('x', 'a:80', new Error('EACCES')).message, /port above 1023/);
  assert.match(listenError('x', 'a:80', new Error('odd')).message, /cannot be listened on/);
});
