/**
 * Decides what this member says of itself, and when a change of that becomes a new version. It is the
 * only writer of its state: every change raises the version, and no version is ever given twice.
 */
import type { Contact } from './contact.ts';
import { checkFacts, compareStateVersions } from './endpoint-state.ts';
import type {
  AppliedChange,
  ApplicationFacts,
  EndpointState,
  MemberStatus,
  Verdict,
} from './endpoint-state.ts';
import type { NodeId } from './ids.ts';
import { limits } from './limits.ts';

export class OwnState {
  #contact: Contact;
  #version = 1;
  #status: MemberStatus = 'joining';
  #facts: ApplicationFacts;
  #applied: readonly AppliedChange[] = [];
  readonly #verdicts = new Map<NodeId, Verdict>();
  #published: EndpointState;
  #changed = false;

  /** @throws InvalidValueError when the facts break a bound. */
  constructor(contact: Contact, facts: Partial<ApplicationFacts> = {}) {
    this.#contact = contact;
    this.#facts = { zone: '', build: '', metadata: {}, ...facts };
    checkFacts(this.#facts);
    this.#published = this.#compose();
  }

  get contact(): Contact {
    return this.#contact;
  }

  get status(): MemberStatus {
    return this.#status;
  }

  /** What was said last. */
  get published(): EndpointState {
    return this.#published;
  }

  /** Whether there is something new to say. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Says what has changed, at a higher version. */
  publish(): EndpointState {
    this.#version++;
    this.#changed = false;
    this.#published = this.#compose();
    return this.#published;
  }

  /** Status goes forward only. */
  setStatus(status: MemberStatus): void {
    if (rank[status] <= rank[this.#status]) return;
    this.#status = status;
    this.#changed = true;
  }

  /** @throws InvalidValueError when the facts break a bound; nothing has changed then. */
  setFacts(facts: Partial<ApplicationFacts>): void {
    const next = { ...this.#facts, ...facts };
    checkFacts(next);
    this.#facts = next;
    this.#changed = true;
  }

  setApplied(applied: readonly AppliedChange[]): void {
    this.#applied = applied.slice(0, limits.appliedElectionsMax);
    this.#changed = true;
  }

  /** Whom this member finds unreachable, as of which state. */
  verdictOn(nodeId: NodeId): Verdict | undefined {
    return this.#verdicts.get(nodeId);
  }

  verdicts(): IterableIterator<Verdict> {
    return this.#verdicts.values();
  }

  get verdictCount(): number {
    return this.#verdicts.size;
  }

  /** Finds a member unreachable; returns false when there is no room for one more. */
  accuse(verdict: Verdict): boolean {
    const known = this.#verdicts.get(verdict.nodeId);
    if (known !== undefined && compareStateVersions(known, verdict) >= 0) return true;
    if (known === undefined && this.#verdicts.size >= limits.unreachableMax) return false;
    this.#verdicts.set(verdict.nodeId, verdict);
    this.#changed = true;
    return true;
  }

  acquit(nodeId: NodeId): boolean {
    if (!this.#verdicts.delete(nodeId)) return false;
    this.#changed = true;
    return true;
  }

  /** Somebody says something of this life of ours, at this version: what is said next is newer. */
  outdo(version: number): void {
    if (version >= limits.stateVersionMax) {
      this.reclaim(this.#contact.generation);
      return;
    }
    this.#version = Math.max(this.#version, version);
    this.#changed = true;
  }

  /** Takes our node id back from an earlier life, or from somebody else, of this generation. */
  reclaim(generation: number): void {
    this.#contact = { ...this.#contact, generation: generation + 1 };
    this.#version = 0;
    this.#changed = true;
  }

  #compose(): EndpointState {
    return {
      contact: this.#contact,
      version: this.#version,
      status: this.#status,
      application: {
        ...this.#facts,
        applied: this.#applied,
        unreachable: [...this.#verdicts.values()],
      },
    };
  }
}

const rank: Readonly<Record<MemberStatus, number>> = { joining: 0, up: 1, leaving: 2, left: 3 };
