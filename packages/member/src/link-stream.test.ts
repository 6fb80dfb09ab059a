import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CloseCause, Frame } from '@herald/core';
import { encodeRecord } from '@herald/wire';
import type { IncomingFrame } from '@herald/wire';
import { LinkStream, controlQueueMax } from './link-stream.ts';
import type { FrameStream } from './link-stream.ts';
import { leaderRecord } from './testing.ts';

class BlockableStream implements FrameStream {
  readonly written: Frame[] = [];
  blocked = false;
  over = false;
  #drain: () => void = () => undefined;
  #end: (reason: string, cause: CloseCause) => void = () => undefined;
  write(frame: Frame): boolean {
    this.written.push(frame);
    return !this.blocked;
  }
  end(): void {
    this.over = true;
  }
  abort(): void {
    this.over = true;
  }
  onFrame(_listener: (frame: IncomingFrame) => void): void {
    return;
  }
  onDrain(listener: () => void): void {
    this.#drain = listener;
  }
  onEnd(listener: (reason: string, cause: CloseCause) => void): void {
    this.#end = listener;
  }
  drain(): void {
    this.blocked = false;
    this.#drain();
  }
  finish(): void {
    this.#end('over', 'ended');
  }
}

function push(epoch: number, renewal = 0): Extract<Frame, { kind: 'push' }> {
  const sealed = encodeRecord(leaderRecord(epoch, { renewal }));
  return { kind: 'push', mode: 'eager', sealed, ageMs: 10, hops: 0 };
}

function blockedLink(): { stream: BlockableStream; link: LinkStream; clock: { nowMs: number } } {
  const stream = new BlockableStream();
  const clock = { nowMs: 1000 };
  const link = new LinkStream(stream, () => clock.nowMs, {
    frame: () => undefined,
    ended: () => undefined,
  });
  stream.blocked = true;
  assert.ok(link.send({ kind: 'graft' }));
  return { stream, link, clock };
}

describe('LinkStream', () => {
  it('keeps one push per election for a blocked stream, the newest, and adds the time it waited', () => {
    const { stream, link, clock } = blockedLink();
    for (let epoch = 1; epoch <= 1000; epoch++) assert.ok(link.send(push(epoch)));
    assert.equal(stream.written.length, 1);
    clock.nowMs += 250;
    stream.drain();
    assert.equal(stream.written.length, 2);
    const last = stream.written[1];
    assert.ok(last?.kind === 'push');
    assert.equal(last.sealed.record.version.epoch, 1000n);
    assert.equal(last.ageMs, 260);
  });

  it('gives up on a link whose other end reads nothing: the control queue is bounded', () => {
    const { link } = blockedLink();
    let accepted = 0;
    while (link.send({ kind: 'prune' })) accepted++;
    assert.equal(accepted, controlQueueMax);
  });

  it('writes what waited in order, control frames first, and stops again when blocked', () => {
    const { stream, link } = blockedLink();
    link.send(push(7));
    link.send({ kind: 'round-reply', nonce: 1 });
    link.send({ kind: 'round-reply', nonce: 2 });
    stream.drain();
    assert.deepEqual(
      stream.written.map((frame) => frame.kind),
      ['graft', 'round-reply', 'round-reply', 'push'],
    );
    assert.ok(link.send({ kind: 'prune' }));
    assert.equal(stream.written.at(-1)?.kind, 'prune');
  });

  it('reports its end once, and not after it was closed from this side', () => {
    const reasons: string[] = [];
    const open = (): { stream: BlockableStream; link: LinkStream } => {
      const stream = new BlockableStream();
      const ended = (reason: string): void => void reasons.push(reason);
      return { stream, link: new LinkStream(stream, () => 0, { frame: () => undefined, ended }) };
    };
    const first = open();
    first.stream.finish();
    first.stream.finish();
    assert.deepEqual(reasons, ['over']);
    const second = open();
    second.link.close();
    second.stream.finish();
    assert.deepEqual(reasons, ['over']);
    assert.ok(second.stream.over);
  });
});
