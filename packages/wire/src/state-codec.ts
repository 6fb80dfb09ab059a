/** What a member says of itself, to bytes and back. Decides what of it is taken for valid. */
import { limits } from '@herald/core';
import type { AppliedChange, CarriedState, EndpointState, Verdict } from '@herald/core';
import { wireBounds } from './bounds.ts';
import { contactFromRaw, contactToRaw } from './contact-codec.ts';
import { memberStatuses } from './enums.ts';
import { WireError } from './errors.ts';
import {
  electionNameField,
  listOf,
  metadataFields,
  nested,
  nodeIdField,
  printableField,
  generationField,
  safeIntegerField,
  versionFromRaw,
} from './fields.ts';
import type { AppliedChange as RawApplied } from './generated/herald/v1/AppliedChange.ts';
import type { AppliedChange__Output } from './generated/herald/v1/AppliedChange.ts';
import type { CarriedState as RawCarried } from './generated/herald/v1/CarriedState.ts';
import type { CarriedState__Output } from './generated/herald/v1/CarriedState.ts';
import type { EndpointState as RawState } from './generated/herald/v1/EndpointState.ts';
import type { EndpointState__Output } from './generated/herald/v1/EndpointState.ts';
import type { Verdict__Output } from './generated/herald/v1/Verdict.ts';
import { messages } from './proto.ts';
import { RecentlyDecoded } from './recently-decoded.ts';
import { versionToRaw } from './record-codec.ts';

/** The bytes of each state that is held: those it arrived in, or was encoded to once. */
const bytesOf = new WeakMap<EndpointState, Buffer>();
const recentStates = new RecentlyDecoded<EndpointState>(wireBounds.recentStatesMax);

export function carriedStateToRaw({ state, unreachableForMs }: CarriedState): RawCarried {
  return { state: encodeState(state), unreachableForMs: Math.floor(unreachableForMs) };
}

/** A state is encoded by the member that it is of; whoever passes it on passes on those very bytes. */
function encodeState(state: EndpointState): Buffer {
  const known = bytesOf.get(state);
  if (known !== undefined) return known;
  const bytes = messages.endpointState.encode(stateToRaw(state));
  bytesOf.set(state, bytes);
  return bytes;
}

function decodeState(bytes: Uint8Array): EndpointState {
  const known = recentStates.find(bytes);
  if (known !== undefined) return known;
  const state = stateFromRaw(messages.endpointState.decode(bytes));
  const kept = Buffer.from(bytes); // a slice would keep the whole network buffer
  bytesOf.set(state, kept);
  recentStates.add(state, kept);
  return state;
}

export function carriedStateFromRaw(raw: CarriedState__Output): CarriedState {
  return {
    state: nested(raw.state, 'state', decodeState),
    unreachableForMs: Math.min(
      safeIntegerField(raw.unreachableForMs, 'unreachable_for_ms'),
      limits.ageMsMax,
    ),
  };
}

function stateToRaw({ contact, version, status, application }: EndpointState): RawState {
  return {
    contact: contactToRaw(contact),
    version,
    status: memberStatuses.toRaw(status),
    zone: application.zone,
    build: application.build,
    metadata: application.metadata,
    applied: application.applied.map(appliedToRaw),
    unreachable: application.unreachable.map((verdict) => ({ ...verdict })),
  };
}

function stateFromRaw(raw: EndpointState__Output): EndpointState {
  return {
    contact: nested(raw.contact, 'contact', contactFromRaw),
    version: safeIntegerField(raw.version, 'version'),
    status: memberStatuses.fromRaw(raw.status, 'status'),
    application: {
      zone: printableField(raw.zone, limits.nameBytesMax, 'zone'),
      build: printableField(raw.build, limits.nameBytesMax, 'build'),
      metadata: memberMetadata(raw.metadata),
      applied: listOf(raw.applied, limits.appliedElectionsMax, 'applied', appliedFromRaw),
      unreachable: listOf(raw.unreachable, limits.unreachableMax, 'unreachable', verdictFromRaw),
    },
  };
}

/** Every other member keeps it, so it is bounded as a whole. */
export function memberMetadata(
  raw: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const metadata = metadataFields(raw);
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > limits.memberMetadataBytesMax) {
    const rule = `must be at most ${limits.memberMetadataBytesMax} bytes in all, got ${bytes}`;
    throw new WireError('LIMIT_EXCEEDED', 'metadata', rule);
  }
  return metadata;
}

export function appliedToRaw({ election, version }: AppliedChange): RawApplied {
  return { election, version: versionToRaw(version) };
}

export function appliedFromRaw(raw: AppliedChange__Output): AppliedChange {
  return {
    election: electionNameField(raw.election, 'election'),
    version: { ...nested(raw.version, 'version', versionFromRaw), renewal: 0 },
  };
}

function verdictFromRaw(raw: Verdict__Output): Verdict {
  return {
    nodeId: nodeIdField(raw.nodeId, 'node_id'),
    generation: generationField(raw.generation, 'generation'),
    version: safeIntegerField(raw.version, 'version'),
  };
}
