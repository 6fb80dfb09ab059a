/**
 * The boundary of the core: what goes in, what comes out. The shell feeds inputs with the time and
 * carries out effects in order; it decides nothing.
 */
import type { Contact, Frame, RefuseReason, Role } from './frames.ts';
import type { Address, ElectionName, LinkId } from './ids.ts';
import type { HeldRecord, SealedRecord } from './record.ts';
import type { Version } from './version.ts';

export type Input =
  /** Someone opened a stream to us; the id comes from `Engine.newLinkId`. */
  | { readonly kind: 'link-accepted'; readonly link: LinkId }
  /** The stream that a `dial` effect asked for can be written to. */
  | { readonly kind: 'link-dialed'; readonly link: LinkId }
  /** A stream ended or could not be opened. */
  | { readonly kind: 'link-closed'; readonly link: LinkId; readonly reason: string }
  | { readonly kind: 'frame'; readonly link: LinkId; readonly frame: Frame }
  /** Our elector has news, issued `ageMs` ago. */
  | { readonly kind: 'publish'; readonly sealed: SealedRecord; readonly ageMs: number }
  /** Someone knows a newer version than we hold: ask around at once. */
  | { readonly kind: 'pull' }
  /** We are about to end all links: last words go out now. */
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
  | { readonly kind: 'dial'; readonly link: LinkId; readonly address: Address }
  | { readonly kind: 'send'; readonly link: LinkId; readonly frame: Frame }
  /** Write what was sent, then end the stream; `link-closed` follows. */
  | { readonly kind: 'close'; readonly link: LinkId; readonly reason: string }
  | {
      readonly kind: 'applied';
      readonly held: HeldRecord;
      readonly previous: HeldRecord | undefined;
      /** False for a renewal of what was held before. */
      readonly isChange: boolean;
    }
  /** The held record of this election can no longer be believed. */
  | { readonly kind: 'expired'; readonly election: ElectionName; readonly version: Version }
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
  | { readonly kind: 'isolation'; readonly isolated: boolean };

/** Where a part of the core puts its effects. */
export type EffectSink = (effect: Effect) => void;
