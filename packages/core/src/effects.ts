/**
 * The boundary of the core: what goes in, what comes out. The shell feeds inputs with the time and
 * carries out effects in order; it decides nothing.
 */
import type { ApplicationFacts } from './endpoint-state.ts';
import type { Contact, Frame, RefuseReason, Role } from './frames.ts';
import type { Address, ElectionName, LinkId } from './ids.ts';
import type { MemberView } from './member-view.ts';
import type { HeldRecord, SealedRecord } from './record.ts';
import type { Version } from './version.ts';
import type { Vouched } from './vouched.ts';

/**
 * How a stream came to its end. refused: nobody listens at that port, which is strong evidence that
 * the process is gone. lost: it broke or could not be opened in time. ended: the other end, or we, closed it in good order.
 */
export type CloseCause = 'refused' | 'lost' | 'ended';

export type Input =
  /**
   * Someone opened a stream to us; the id comes from `Engine.newLinkId`. Who is at the other end is
   * vouched for where links are authenticated.
   */
  | {
      readonly kind: 'link-accepted';
      readonly link: LinkId;
      readonly vouched?: Vouched | undefined;
    }
  /** The stream that a `dial` effect asked for can be written to. */
  | { readonly kind: 'link-dialed'; readonly link: LinkId; readonly vouched?: Vouched | undefined }
  /** A stream ended or could not be opened. */
  | {
      readonly kind: 'link-closed';
      readonly link: LinkId;
      readonly reason: string;
      readonly cause: CloseCause;
    }
  | { readonly kind: 'frame'; readonly link: LinkId; readonly frame: Frame }
  /** Our elector has news, issued `ageMs` ago. */
  | { readonly kind: 'publish'; readonly sealed: SealedRecord; readonly ageMs: number }
  /** Whoever signed what we hold of these elections is not trusted any longer: it is as if it had never come. */
  | { readonly kind: 'disown'; readonly elections: readonly ElectionName[] }
  /** Someone knows a newer version than we hold: ask around at once. */
  | { readonly kind: 'pull' }
  /** What our owner says of this member has changed; what is not given stays. */
  | { readonly kind: 'set-application'; readonly facts: Partial<ApplicationFacts> }
  /** We shall leave: others stop to dial us, and keep the links that stand. */
  | { readonly kind: 'drain' }
  /** We are about to end all links: that we left, and our last words, go out now. */
  | { readonly kind: 'leave' }
  /** Addresses learnt elsewhere: seeds, or electors found in etcd. */
  | {
      readonly kind: 'introduce';
      readonly addresses: readonly Address[];
      readonly role: Role | undefined;
    }
  /** Time passed; due no later than `Engine.nextWakeMs`. */
  | { readonly kind: 'wake' };

export type Effect =
  | {
      readonly kind: 'dial';
      readonly link: LinkId;
      readonly address: Address;
      /** Perhaps nobody is there: find out cheaply before a stream is opened. */
      readonly doubtful: boolean;
      /** Whether anybody accepts is all that is to be found out: `link-closed` follows, ended if so. */
      readonly glance: boolean;
    }
  | { readonly kind: 'send'; readonly link: LinkId; readonly frame: Frame }
  /** Write what was sent, then end the stream; `link-closed` follows. */
  | { readonly kind: 'close'; readonly link: LinkId; readonly reason: string }
  | {
      readonly kind: 'applied';
      readonly held: HeldRecord;
      readonly previous: HeldRecord | undefined;
      /** False for a renewal of what was held before. */
      readonly isChange: boolean;
      /** A renewal of a record that had expired: its claim is to be believed again. */
      readonly revives: boolean;
    }
  /** The held record of this election can no longer be believed. */
  | { readonly kind: 'expired'; readonly election: ElectionName; readonly version: Version }
  /** The held record of this election was disowned: nothing is known of it now. */
  | { readonly kind: 'disowned'; readonly election: ElectionName; readonly version: Version }
  | { readonly kind: 'link-up'; readonly link: LinkId; readonly peer: Contact }
  | {
      readonly kind: 'link-down';
      readonly link: LinkId;
      readonly peer: Contact;
      readonly reason: string;
    }
  /** The member at this address does not want us. */
  | {
      readonly kind: 'refused';
      readonly address: Address;
      readonly reason: RefuseReason;
      readonly detail: string;
    }
  | { readonly kind: 'isolation'; readonly isolated: boolean }
  /** A member joined (no `previous`), changed in status or reachability, restarted, or was forgotten (no `view`). */
  | {
      readonly kind: 'member-changed';
      readonly view: MemberView | undefined;
      readonly previous: MemberView | undefined;
    }
  /** Another process that is alive claims our node id. Both are told of it. */
  | { readonly kind: 'identity-conflict'; readonly ours: Contact; readonly theirs: Contact };

/** Where a part of the core puts its effects. */
export type EffectSink = (effect: Effect) => void;
