/**
 * Runs simulated processes as `@herald/member` runs a real one: one thread that takes what arrived
 * in order, one timer, effects carried out as they come. Decides nothing about the protocol; what
 * the network does with a stream is decided in `network.ts`.
 */
import { assertNever } from '@herald/core';
import type { Address, CloseCause, Effect, Frame, Input, LinkId, SealedRecord } from '@herald/core';
import type { RecordObjection } from '@herald/wire';
import type { Received } from './corruption.ts';
import type { Host, Knock, SharedThread, Task } from './host.ts';
import type { Arrival, EndOwner, Network, StreamEnd } from './network.ts';
import type { SimulationObserver } from './observer.ts';

/** Node's timers fire no sooner than this after they were set. */
const timerMsMin = 1;

/** What others must bear with: garbage collection, a busy machine. A longer pause may be taken for death. */
export const toleratedPauseMs = 1000;

/** What is to happen to a process at a later moment. */
export type ShellEvent =
  | { readonly kind: 'wake' | 'turn' | 'resume'; readonly host: Host; readonly life: number }
  | { readonly kind: 'knock'; readonly knock: Knock; readonly target: Host }
  | { readonly kind: 'dialed'; readonly end: StreamEnd }
  | { readonly kind: 'dial-failed'; readonly dialler: EndOwner }
  | { readonly kind: 'arrive'; readonly end: StreamEnd; readonly arrival: Arrival }
  | { readonly kind: 'expire'; readonly end: StreamEnd; readonly sinceMs: number };

/** What a shell finds around it. */
export interface Surroundings {
  readonly nowMs: number;
  readonly network: Network;
  readonly observers: readonly SimulationObserver[];
  readonly frameCostMs: number;
  later(delayMs: number, event: ShellEvent): void;
  host(index: number): Host;
  hostAt(address: Address): Host | undefined;
  /** What arrives of a frame that this member sends; by default itself. */
  corrupt(member: number, frame: Frame): Received;
  /** Why a record that arrived is not believed; `undefined` when it is. */
  objectionTo(sealed: SealedRecord): RecordObjection | undefined;
}

export class Shell {
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  happen(event: ShellEvent): void {
    switch (event.kind) {
      case 'wake':
        if (event.life === event.host.life) this.#timerFires(event.host);
        return;
      case 'turn':
        if (event.life !== event.host.life) return;
        event.host.turnPlanned = false;
        this.#takeNext(event.host);
        return;
      case 'resume':
        if (event.life === event.host.life) this.#resume(event.host);
        return;
      case 'knock':
        this.#knock(event.knock, event.target);
        return;
      case 'dialed':
        this.#dialed(event.end);
        return;
      case 'dial-failed':
        this.#dialFailed(event.dialler);
        return;
      case 'arrive':
        this.#arrive(event.end, event.arrival);
        return;
      case 'expire': {
        const { end, sinceMs } = event;
        if (!this.#around.network.giveUp(end, sinceMs)) return;
        this.#enqueue(this.#around.host(end.member), closed(end.link, 'timed out', 'lost'));
        return;
      }
      default:
        assertNever(event);
    }
  }

  /** Hands a process an input now, and what that gives rise to. */
  feed(host: Host, input: Input): void {
    const { nowMs, observers } = this.#around;
    const inputs = [input];
    for (const next of inputs) {
      if (!host.alive) return;
      const effects = host.engine.handle(next, host.clock.readMs(nowMs));
      for (const effect of effects) this.#carryOut(host, effect, inputs);
      for (const observer of observers) observer.stepped?.(host, next, effects);
    }
    this.#armTimer(host);
  }

  /** From now on the process shares a thread with others; `undefined`: it has its own again. */
  share(host: Host, thread: SharedThread | undefined): void {
    host.thread = thread;
    if (thread === undefined) return;
    for (let waiting = host.inbox.length; waiting > 0; waiting--) this.#standInLine(host, thread);
  }

  #enqueue(host: Host, task: Task): void {
    if (!host.alive) return;
    host.inbox.push(task);
    this.#noteBacklog(host);
    if (host.thread !== undefined) {
      this.#standInLine(host, host.thread);
      return;
    }
    if (host.turnPlanned || this.#isPaused(host)) return;
    if (host.busyUntilMs > this.#around.nowMs) this.#planTurn(host);
    else this.#takeNext(host);
  }

  /** Each task has its time on the thread, after all that others have there. */
  #standInLine(host: Host, thread: SharedThread): void {
    const { nowMs } = this.#around;
    thread.freeAtMs = Math.max(nowMs, thread.freeAtMs) + thread.taskMs * host.slowness;
    this.#around.later(thread.freeAtMs - nowMs, { kind: 'turn', host, life: host.life });
  }

  /** Who is that far behind with what arrived is as good as paused. */
  #noteBacklog(host: Host): void {
    const { nowMs, frameCostMs } = this.#around;
    const behindMs = host.inbox.length * frameCostMs * host.slowness;
    if (behindMs > toleratedPauseMs) host.disturbedAtMs = Math.max(host.disturbedAtMs, nowMs);
  }

  #takeNext(host: Host): void {
    if (this.#isPaused(host)) return;
    const task = host.inbox.shift();
    if (task === undefined) return;
    if (host.thread === undefined) {
      host.busyUntilMs = this.#around.nowMs + this.#around.frameCostMs * host.slowness;
      if (host.inbox.length > 0) this.#planTurn(host);
    }
    if (task.kind === 'wake') host.wakeQueued = false;
    if (task.kind === 'knock') this.#answer(host, task);
    else this.feed(host, task);
  }

  #planTurn(host: Host): void {
    host.turnPlanned = true;
    const delayMs = Math.max(0, host.busyUntilMs - this.#around.nowMs);
    this.#around.later(delayMs, { kind: 'turn', host, life: host.life });
  }

  #isPaused(host: Host): boolean {
    return host.pausedUntilMs > this.#around.nowMs;
  }

  /** What arrived meanwhile comes before the timer, as in `@herald/member`: news before the time. */
  #resume(host: Host): void {
    if (this.#isPaused(host)) return;
    if (host.wakeOwed) this.#queueWake(host);
    host.wakeOwed = false;
    if (host.thread !== undefined) this.share(host, host.thread);
    else if (!host.turnPlanned && host.inbox.length > 0) this.#takeNext(host);
  }

  #timerFires(host: Host): void {
    const { nowMs } = this.#around;
    if (nowMs < host.wakeAtMs) return; // set anew since
    host.wakeAtMs = Infinity;
    if (this.#isPaused(host)) host.wakeOwed = true;
    else if (host.engine.nextWakeMs > host.clock.readMs(nowMs)) this.#armTimer(host);
    else if ((host.thread?.freeAtMs ?? host.busyUntilMs) > nowMs) this.#queueWake(host);
    else this.feed(host, { kind: 'wake' });
  }

  #queueWake(host: Host): void {
    if (host.wakeQueued) return;
    host.wakeQueued = true;
    host.inbox.push({ kind: 'wake' });
    if (host.thread !== undefined) this.#standInLine(host, host.thread);
    else if (!host.turnPlanned && !this.#isPaused(host)) this.#planTurn(host);
  }

  #armTimer(host: Host): void {
    if (host.wakeQueued || host.wakeOwed) return;
    const { nowMs } = this.#around;
    const dueMs = Math.max(host.clock.virtualMs(host.engine.nextWakeMs), nowMs + timerMsMin);
    if (dueMs >= host.wakeAtMs) return;
    host.wakeAtMs = dueMs;
    this.#around.later(dueMs - nowMs, { kind: 'wake', host, life: host.life });
  }

  #carryOut(host: Host, effect: Effect, inputs: Input[]): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial(host, effect.link, effect.address);
        return;
      case 'send':
        this.#send(host, effect.link, effect.frame, inputs);
        return;
      case 'close':
        host.dials.delete(effect.link);
        this.#hangUp(host, effect.link, 'ended');
        inputs.push(closed(effect.link, effect.reason, 'ended'));
        return;
      case 'applied':
      case 'expired':
      case 'disowned':
      case 'link-up':
      case 'link-down':
      case 'refused':
      case 'isolation':
      case 'member-changed':
      case 'identity-conflict':
        return; // for observers
      default:
        assertNever(effect);
    }
  }

  #dial(host: Host, link: LinkId, address: Address): void {
    const { network } = this.#around;
    const delayMs = network.drawDelayMs();
    const dialler: EndOwner = { member: host.index, life: host.life, link };
    host.dials.add(link);
    const target = this.#around.hostAt(address);
    if (target === undefined) this.#around.later(delayMs, { kind: 'dial-failed', dialler });
    else {
      const knock: Knock = { kind: 'knock', dialler, delayMs };
      this.#around.later(delayMs, { kind: 'knock', knock, target });
    }
  }

  /** A connection needs both ways; where a machine runs no process, it refuses. */
  #knock(knock: Knock, target: Host): void {
    const { dialler, delayMs } = knock;
    const { network } = this.#around;
    if (!network.reaches(dialler.member, target.index)) return;
    if (!network.reaches(target.index, dialler.member)) return;
    if (target.alive) this.#enqueue(target, knock);
    else this.#around.later(delayMs, { kind: 'dial-failed', dialler });
  }

  #answer(host: Host, { dialler, delayMs }: Knock): void {
    const caller = this.#around.host(dialler.member);
    if (caller.life !== dialler.life || !caller.dials.has(dialler.link)) return;
    const { network } = this.#around;
    const link = host.engine.newLinkId();
    const ours: EndOwner = { member: host.index, life: host.life, link };
    const end = network.connect(dialler, ours, delayMs);
    this.#around.later(delayMs, { kind: 'dialed', end });
    this.feed(host, { kind: 'link-accepted', link });
  }

  #dialed(end: StreamEnd): void {
    const host = this.#around.host(end.member);
    if (!end.open || host.life !== end.life) return;
    host.dials.delete(end.link);
    this.#enqueue(host, { kind: 'link-dialed', link: end.link });
  }

  #dialFailed({ member, life, link }: EndOwner): void {
    const host = this.#around.host(member);
    if (host.life !== life || !host.dials.delete(link)) return;
    this.#enqueue(host, closed(link, 'refused', 'refused'));
  }

  #send(host: Host, link: LinkId, frame: Frame, inputs: Input[]): void {
    const { network, nowMs, observers } = this.#around;
    const end = network.end(host.index, link);
    if (end === undefined) return;
    for (const observer of observers) observer.sent?.(host, frame);
    const isGreeting =
      frame.kind === 'hello' || frame.kind === 'welcome' || frame.kind === 'refuse';
    if (!isGreeting && network.losesFrame()) return;
    const received = this.#around.corrupt(host.index, frame);
    if (received === 'ignored' || network.write(end, received, nowMs)) return;
    network.close(end);
    inputs.push(closed(link, 'the other end does not read', 'lost'));
  }

  #hangUp(host: Host, link: LinkId, how: 'ended' | 'lost'): void {
    const { network, nowMs } = this.#around;
    const end = network.end(host.index, link);
    if (end === undefined) return;
    network.write(end, how, nowMs);
    network.close(end);
  }

  #arrive(end: StreamEnd, arrival: Arrival): void {
    const { network, nowMs } = this.#around;
    const host = this.#around.host(end.member);
    if (!host.alive || end.life !== host.life || !end.open) {
      // The machine knows of no such stream, and says so; unless it has no power.
      const isNews = arrival !== 'ended' && arrival !== 'lost' && end.other.open;
      if (isNews && !network.isDark(end.member)) network.write(end, 'lost', nowMs);
      return;
    }
    switch (arrival) {
      case 'ended':
      case 'lost':
        network.close(end);
        this.#enqueue(host, closed(end.link, arrival, arrival));
        return;
      case 'garbled':
        this.#breakOff(host, end.link, 'malformed frame');
        return;
      default:
        this.#takeFrame(host, end.link, arrival);
    }
  }

  /** As the gate of `@herald/member`: what nobody signed ends its link, what a stranger signed is dropped. */
  #takeFrame(host: Host, link: LinkId, frame: Frame): void {
    const objection = frame.kind === 'push' ? this.#around.objectionTo(frame.sealed) : undefined;
    if (objection === undefined) this.#enqueue(host, { kind: 'frame', link, frame });
    else if (objection !== 'unknown-key')
      this.#breakOff(host, link, `record refused: ${objection}`);
  }

  #breakOff(host: Host, link: LinkId, reason: string): void {
    this.#hangUp(host, link, 'lost');
    this.#enqueue(host, closed(link, reason, 'lost'));
  }
}

/** What a process is told of the end of a stream. */
export function closed(
  link: LinkId,
  reason: string,
  cause: CloseCause,
): Extract<Input, { kind: 'link-closed' }> {
  return { kind: 'link-closed', link, reason, cause };
}
