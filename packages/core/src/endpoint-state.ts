/**
 * Decides which of two things that were said of one member is the newer, and how much a state may
 * hold. An endpoint state is what a member says of itself, whole: a newer one replaces an older one
 * as it stands, so nothing can hide behind a higher version, in whatever order they arrive.
 */
import type { Contact } from './contact.ts';
import { InvalidValueError } from './errors.ts';
import type { ElectionName, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import type { Version } from './version.ts';

/**
 * joining: started, has not compared what it holds with anybody. up: takes part. leaving: still here,
 * no new links please. left: gone on purpose, said by itself; only a later generation comes back.
 */
export type MemberStatus = 'joining' | 'up' | 'leaving' | 'left';

/** The order of what one member says of itself: generation first, then version. */
export interface StateVersion {
  readonly generation: number;
  /** Counts what this life of the member said of itself, from 1. */
  readonly version: number;
}

/** "I cannot reach this member": about this very state of it, void when there is a later one. */
export interface Verdict extends StateVersion {
  readonly nodeId: NodeId;
}

/** The newest change of a leader that a member has applied; its renewal is always 0. */
export interface AppliedChange {
  readonly election: ElectionName;
  readonly version: Version;
}

/** What its owner says of a member; free text, told to everybody. */
export interface ApplicationFacts {
  /** Failure domain, e.g. `eu-1a`; empty when not said. */
  readonly zone: string;
  /** Build of the software, e.g. `1.4.2`; empty when not said. */
  readonly build: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The typed keys of a state. */
export interface ApplicationState extends ApplicationFacts {
  /** One entry per election, of those that changed last; at most `limits.appliedElectionsMax`. */
  readonly applied: readonly AppliedChange[];
  /** Whom this member finds unreachable; at most `limits.unreachableMax`. */
  readonly unreachable: readonly Verdict[];
}

/** What a member says of itself. Written by that member alone, carried by all, never changed. */
export interface EndpointState {
  readonly contact: Contact;
  readonly version: number;
  readonly status: MemberStatus;
  readonly application: ApplicationState;
}

/** A state on its way to another member. */
export interface CarriedState {
  readonly state: EndpointState;
  /**
   * For how long the sender has found this member unreachable, 0 when it does not. Ages travel so
   * that all forget a lost member at the same time, though no two clocks agree.
   */
  readonly unreachableForMs: number;
}

export function stateVersion(state: EndpointState): StateVersion {
  return { generation: state.contact.generation, version: state.version };
}

/** Negative when `a` is older, positive when newer, 0 when both say the same. */
export function compareStateVersions(a: StateVersion, b: StateVersion): number {
  return a.generation === b.generation ? a.version - b.version : a.generation - b.generation;
}

/**
 * The order of states of one member. Two processes that claim one life of one node id may give one
 * version twice; then the address decides, so that all choose alike until one of them claims more.
 */
export function compareStates(a: EndpointState, b: EndpointState): number {
  if (a.contact.generation !== b.contact.generation) {
    return a.contact.generation - b.contact.generation;
  }
  if (a.version !== b.version) return a.version - b.version;
  if (a.contact.address === b.contact.address) return 0;
  return a.contact.address < b.contact.address ? -1 : 1;
}

/** The newer of two states of one member: commutative, associative, idempotent. */
export function mergeStates(held: EndpointState, offered: EndpointState): EndpointState {
  return compareStates(offered, held) > 0 ? offered : held;
}

/**
 * How soon everybody should hear of a change. urgent: at once: somebody moved, restarted, leaves, or refutes (says the same
 * at a higher version). soon: along the tree and with others: somebody joins. patient: the same, and where the
 * fleet is busy, when it is not any more: what a member has applied, what it says of itself, and whom it accuses.
 */
export type Urgency = 'urgent' | 'soon' | 'patient';

export function urgencyOf(from: EndpointState | undefined, to: EndpointState): Urgency {
  if (from === undefined) return 'soon';
  if (from.contact.generation !== to.contact.generation) return 'urgent';
  if (from.contact.address !== to.contact.address) return 'urgent';
  if (from.status !== to.status) {
    return to.status === 'leaving' || to.status === 'left' ? 'urgent' : 'soon';
  }
  return saysTheSame(from, to) ? 'urgent' : 'patient';
}

function saysTheSame(from: EndpointState, to: EndpointState): boolean {
  const before = from.application;
  const after = to.application;
  return (
    after.unreachable.length === before.unreachable.length &&
    after.unreachable.every((verdict) => includesVerdict(before.unreachable, verdict)) &&
    sameApplied(before.applied, after.applied) &&
    sameFacts(before, after)
  );
}

function includesVerdict(verdicts: readonly Verdict[], wanted: Verdict): boolean {
  return verdicts.some(
    (verdict) => verdict.nodeId === wanted.nodeId && compareStateVersions(verdict, wanted) === 0,
  );
}

function sameApplied(a: readonly AppliedChange[], b: readonly AppliedChange[]): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every(({ election, version }, index) => {
      const other = b[index];
      return (
        other?.election === election &&
        other.version.lineage === version.lineage &&
        other.version.epoch === version.epoch &&
        other.version.sequence === version.sequence
      );
    })
  );
}

function sameFacts(a: ApplicationFacts, b: ApplicationFacts): boolean {
  if (a.zone !== b.zone || a.build !== b.build) return false;
  if (a.metadata === b.metadata) return true;
  const keys = Object.keys(a.metadata);
  return (
    keys.length === Object.keys(b.metadata).length &&
    keys.every((key) => a.metadata[key] === b.metadata[key])
  );
}

/** UTF-8 takes at most three bytes for each UTF-16 unit; tags and lengths come on top. */
const bytesPerUnit = 3;
const fixedStateBytes = 64;
const fixedAppliedBytes = 40;
const fixedVerdictBytes = 28;
const fixedFieldBytes = 6;

/** What a state takes on the wire at most, to fill pages without encoding; 100 to 150 bytes as a rule. */
export function stateBytesMax({ contact, application }: EndpointState): number {
  let bytes = fixedStateBytes + contact.nodeId.length + contact.address.length;
  bytes += bytesPerUnit * (application.zone.length + application.build.length);
  for (const key in application.metadata) {
    const units = key.length + (application.metadata[key]?.length ?? 0);
    bytes += fixedFieldBytes + bytesPerUnit * units;
  }
  for (const { election } of application.applied) bytes += fixedAppliedBytes + election.length;
  for (const { nodeId } of application.unreachable) bytes += fixedVerdictBytes + nodeId.length;
  return bytes;
}

/** What UTF-8 cannot carry, and for single lines what a terminal or a log would stumble over. */
const notText = /[\uFFFD\p{Cs}]/u;
const notPrintable = /[\uFFFD\p{Cs}\p{Cc}\p{Zl}\p{Zp}]/u;

/** @throws InvalidValueError when the facts break a bound: no other member would take them. */
export function checkFacts({ zone, build, metadata }: ApplicationFacts): void {
  checkText('zone', zone, limits.nameBytesMax, notPrintable);
  checkText('build', build, limits.nameBytesMax, notPrintable);
  const entries = Object.entries(metadata);
  if (entries.length > limits.metadataEntriesMax) {
    const rule = `must have at most ${limits.metadataEntriesMax} entries, got ${entries.length}`;
    throw new InvalidValueError('metadata', rule);
  }
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key === '') throw new InvalidValueError('metadata', 'must not have an empty key');
    checkText('metadata key', key, limits.metadataKeyBytesMax, notPrintable);
    checkText(`metadata "${key}"`, value, limits.metadataValueBytesMax, notText);
    bytes += utf8Bytes(key) + utf8Bytes(value);
  }
  if (bytes > limits.memberMetadataBytesMax) {
    const rule = `must be at most ${limits.memberMetadataBytesMax} bytes in all, got ${bytes}`;
    throw new InvalidValueError('metadata', rule);
  }
}

function checkText(field: string, text: string, bytesMax: number, forbidden: RegExp): void {
  if (utf8Bytes(text) > bytesMax) {
    throw new InvalidValueError(field, `must be at most ${bytesMax} bytes long`);
  }
  if (forbidden.test(text)) {
    throw new InvalidValueError(field, 'must be valid text without control characters');
  }
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const isSurrogate = unit >= 0xd800 && unit < 0xe000; // two of them make four bytes
    bytes += unit < 0x80 ? 1 : unit < 0x800 || isSurrogate ? 2 : 3;
  }
  return bytes;
}
