/**
 * Whom this member could dial beside the members that it has states of, and how dialling goes. Seeds
 * stay for ever. Contacts that greeted or were told of are kept until the membership knows them:
 * from then on the member table is the one truth about them, and of them only the back-off is kept
 * here. All of it is under a bound, and what fails most makes room first.
 */
import type { Contact, Role } from './contact.ts';
import type { Address, NodeId } from './ids.ts';
import { limits } from './limits.ts';
import { jittered, pickSome } from './random.ts';
import type { Random } from './random.ts';
import type { EngineTuning } from './tuning.ts';

export interface BookEntry {
  readonly address: Address;
  /** Known once it greeted, or once somebody told us; undefined for members, where only back-off is kept. */
  contact: Contact | undefined;
  /** What it is, when that was said without naming it. */
  role: Role | undefined;
  readonly seed: boolean;
  /** Not to be dialled before this. */
  notBeforeMs: number;
  /** Dials in a row that failed. */
  failures: number;
}

export class AddressBook {
  readonly #entries = new Map<Address, BookEntry>();
  readonly #addressOf = new Map<NodeId, Address>();
  readonly #self: Contact;
  readonly #tuning: EngineTuning;
  readonly #random: Random;

  constructor(self: Contact, tuning: EngineTuning, random: Random) {
    this.#self = self;
    this.#tuning = tuning;
    this.#random = random;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<BookEntry> {
    return this.#entries.values();
  }

  get(address: Address): BookEntry | undefined {
    return this.#entries.get(address);
  }

  /**
   * Notes an address that is to be tried for ever, and whom the membership knows there: a seed without a name
   * is a stranger, and is dialled beside a link to the same member.
   */
  addSeed(address: Address, role: Role | undefined, member?: Contact): void {
    if (address === this.#self.address) return;
    const known = this.#entries.get(address);
    if (known?.seed === true) {
      known.role ??= role;
      return;
    }
    if (known === undefined && !this.#hasRoom()) return;
    this.#entries.set(address, {
      address,
      contact: known?.contact ?? member,
      role: role ?? known?.role ?? member?.role,
      seed: true,
      notBeforeMs: 0,
      failures: 0,
    });
  }

  /**
   * Notes a member; the higher generation of a node id wins. Returns whether there is somebody new
   * to dial: an unknown address, or a member that restarted since it failed.
   */
  learn(contact: Contact): boolean {
    if (contact.nodeId === this.#self.nodeId || contact.address === this.#self.address)
      return false;
    const oldAddress = this.#addressOf.get(contact.nodeId);
    const old = oldAddress === undefined ? undefined : this.#entries.get(oldAddress);
    if (old?.contact !== undefined && old.contact.generation > contact.generation) return false;
    if (old !== undefined && old.address !== contact.address) this.#forget(old);
    const entry = this.#entries.get(contact.address);
    if (entry !== undefined) {
      const known = entry.contact;
      const restarted = known?.nodeId === contact.nodeId && known.generation < contact.generation;
      if (restarted) entry.notBeforeMs = 0;
      this.#unname(entry);
      entry.contact = contact;
      entry.role = contact.role;
      this.#addressOf.set(contact.nodeId, contact.address);
      return restarted;
    }
    if (!this.#hasRoom()) return false;
    this.#entries.set(contact.address, {
      address: contact.address,
      contact,
      role: contact.role,
      seed: false,
      notBeforeMs: 0,
      failures: 0,
    });
    this.#addressOf.set(contact.nodeId, contact.address);
    return true;
  }

  /**
   * The membership knows this member from here on: what was learnt of it is dropped, but for a back-off,
   * which a restart ends. A seed stays a seed, and keeps whom it stands for.
   */
  handOver(contact: Contact, restarted: boolean): void {
    const address = this.#addressOf.get(contact.nodeId);
    const learnt = address === undefined ? undefined : this.#entries.get(address);
    if (learnt !== undefined && !learnt.seed) {
      if (learnt.failures === 0 && learnt.notBeforeMs === 0) this.#forget(learnt);
      else {
        this.#unname(learnt);
        learnt.contact = undefined;
      }
    }
    const entry = this.#entries.get(contact.address);
    if (entry === undefined) return;
    if (entry.seed && entry.contact?.nodeId !== contact.nodeId) {
      this.#unname(entry);
      entry.contact = contact;
      entry.role = contact.role;
    }
    if (!restarted) return;
    entry.notBeforeMs = 0;
    entry.failures = 0;
  }

  /** A dial failed: exponential delay with full jitter, capped; dead members are tried for ever. */
  noteFailure(address: Address, nowMs: number): void {
    const entry = this.#recordOf(address);
    if (entry === undefined) return;
    const { redialMs, redialMsMax } = this.#tuning;
    const ceilingMs = Math.min(redialMsMax, redialMs * 2 ** Math.min(entry.failures, 16));
    entry.failures++;
    entry.notBeforeMs = nowMs + redialMs / 2 + ceilingMs * this.#random();
  }

  /** It answered, but has no place for us now. */
  noteFull(address: Address, nowMs: number): void {
    const entry = this.#recordOf(address);
    if (entry === undefined) return;
    entry.failures = 0;
    entry.notBeforeMs = nowMs + jittered(this.#tuning.fullBackoffMs, 0.5, this.#random);
  }

  /** It answered and will not have us: another cluster, another protocol, or ourselves. */
  noteUnwelcome(address: Address, nowMs: number): void {
    const entry = this.#recordOf(address);
    if (entry === undefined) return;
    entry.notBeforeMs = nowMs + jittered(this.#tuning.redialMsMax * 6, 0.5, this.#random);
  }

  /**
   * It welcomed us. A seed is often another name of the address that its member advertises: who
   * answered is noted, so that it is not dialled beside a link to the same member.
   */
  noteSuccess(address: Address, contact: Contact): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    entry.failures = 0;
    if (!entry.seed && entry.contact === undefined) {
      this.#entries.delete(address); // a member of the table that answers needs no record
      return;
    }
    if (address === contact.address) return;
    this.#unname(entry);
    entry.contact = contact;
    entry.role = contact.role;
  }

  /** Every member known, each once, at the address that it advertises. */
  contacts(): Contact[] {
    return [...this.#entries.values()].flatMap(({ address, contact }) =>
      contact?.address === address ? contact : [],
    );
  }

  /** Up to `count` contacts to tell others about, those that answer before those that fail. */
  sample(count: number, except: NodeId | undefined): Contact[] {
    const answering: Contact[] = [];
    for (const { address, contact, failures } of this.#entries.values()) {
      if (contact?.address !== address || contact.nodeId === except || failures > 0) continue;
      answering.push(contact);
    }
    return pickSome(answering, count, this.#random);
  }

  /** The entry of this address; a member that is known from the table gets one when dialling it fails. */
  #recordOf(address: Address): BookEntry | undefined {
    const known = this.#entries.get(address);
    if (known !== undefined || address === this.#self.address || !this.#hasRoom()) return known;
    const record: BookEntry = {
      address,
      contact: undefined,
      role: undefined,
      seed: false,
      notBeforeMs: 0,
      failures: 0,
    };
    this.#entries.set(address, record);
    return record;
  }

  #forget(entry: BookEntry): void {
    this.#unname(entry);
    if (entry.seed) entry.contact = undefined;
    else this.#entries.delete(entry.address);
  }

  /** Forgets that this entry is where its member is found. */
  #unname({ address, contact }: BookEntry): void {
    if (contact !== undefined && this.#addressOf.get(contact.nodeId) === address) {
      this.#addressOf.delete(contact.nodeId);
    }
  }

  /** Drops the learnt contact that failed most, or a random one, so that fresh names get in. */
  #hasRoom(): boolean {
    if (this.#entries.size < limits.contactsMax) return true;
    const learnt = [...this.#entries.values()].filter((entry) => !entry.seed);
    const [first, ...others] = pickSome(learnt, 8, this.#random);
    if (first === undefined) return false;
    this.#forget(
      others.reduce((worst, entry) => (entry.failures > worst.failures ? entry : worst), first),
    );
    return true;
  }
}
