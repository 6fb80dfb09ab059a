/** How to reach a member, to bytes and back: part of frames as well as of answers. */
import type { Contact } from '@herald/core';
import { roles } from './enums.ts';
import { addressField, nodeIdField, generationField } from './fields.ts';
import type { Contact as RawContact, Contact__Output } from './generated/herald/v1/Contact.ts';

export function contactToRaw(contact: Contact): RawContact {
  return {
    nodeId: contact.nodeId,
    generation: contact.generation,
    address: contact.address,
    role: roles.toRaw(contact.role),
  };
}

export function contactFromRaw(raw: Contact__Output): Contact {
  return {
    nodeId: nodeIdField(raw.nodeId, 'node_id'),
    generation: generationField(raw.generation, 'generation'),
    address: addressField(raw.address, 'address'),
    role: roles.fromRaw(raw.role, 'role'),
  };
}
