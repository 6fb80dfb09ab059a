/** Each check notices what it is there for, on a cluster that really does it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseAddress, parseNodeId } from '@herald/core';
import type { EndpointState, Engine, HeldRecord } from '@herald/core';

import { ObservedCluster, electors } from '../observed-cluster.ts';
import type { SimulatedMember } from '../observer.ts';
import { simulatedRecord } from '../records.ts';
import { BoundsCheck } from './bounds-check.ts';
import { BrokenPromise } from './broken-promise.ts';
import type { PromiseCode } from './broken-promise.ts';
import { EndpointStatesCheck } from './endpoint-states-check.ts';
import { HeldRecordsCheck } from './held-records-check.ts';

const small = { nodes: 20, seed: 1, startOverMs: 500 };

function breaks(code: PromiseCode): (error: unknown) => boolean {
  return (error) => error instanceof BrokenPromise && error.code === code;
}

describe('the check of records', () => {
  it('notices a record that no elector sealed', () => {
    const cluster = ObservedCluster.started(small);
    cluster.change(electors);
    assert.throws(() => {
      cluster.simulation.publish(0, simulatedRecord(99));
    }, breaks('INVENTED'));
  });

  it('notices a record that an elector sealed with other bytes', () => {
    const cluster = ObservedCluster.started(small);
    cluster.etcd.change([1]);
    const forged = simulatedRecord(1, { issuer: 'elector-1', leader: 'service-9' });
    assert.throws(() => {
      cluster.simulation.publish(0, forged);
    }, breaks('INVENTED'));
  });

  it('P2: notices a member that goes back, but not one that restarts', () => {
    const cluster = ObservedCluster.started(small);
    const check = new HeldRecordsCheck();
    check.watch(cluster.simulation, cluster.etcd);
    let epoch = 5;
    const engine = {
      held: (): Pick<HeldRecord, 'sealed'> => ({ sealed: simulatedRecord(epoch) }),
    } as unknown as Engine;
    const [other] = cluster.simulation.members;
    assert.ok(other !== undefined);
    const member: SimulatedMember = { ...other, contact: other.contact, index: 7, engine };
    check.started(member);
    check.stepped(member, { kind: 'wake' }, []);
    epoch = 4;
    assert.throws(() => {
      check.stepped(member, { kind: 'wake' }, []);
    }, breaks('P2'));
    check.started(member);
    check.stepped(member, { kind: 'wake' }, []);
  });
});

describe('the check of bounds', () => {
  it('notices more links than are allowed', () => {
    const check = new BoundsCheck({ fanout: 4, inboundLinks: 1 }, () => 0);
    assert.throws(() => ObservedCluster.started({ ...small, observers: [check] }), breaks('BOUND'));
  });
});

describe('the check of endpoint states', () => {
  it('notices one that its member never said; frames that are garbled excuse it', () => {
    const { simulation } = ObservedCluster.started(small);
    const [, , , teller, other] = simulation.members;
    const said = teller?.engine.member(teller.contact.nodeId)?.state;
    assert.ok(teller !== undefined && other !== undefined && said !== undefined);
    const nodeId = parseNodeId('nobody');
    const contact = { ...said.contact, nodeId, address: parseAddress('nobody:7400') };
    const frameOf = (state: EndpointState) =>
      ({
        kind: 'member-delta',
        states: [{ state, unreachableForMs: 0 }],
        wants: [],
        done: false,
      }) as const;
    let garbling = false;
    const check = new EndpointStatesCheck(
      () => 0,
      () => garbling,
    );
    check.sent(teller, frameOf(said));
    check.sent(other, frameOf(said));
    assert.throws(() => {
      check.sent(other, frameOf({ ...said, contact }));
    }, breaks('INVENTED'));
    garbling = true;
    check.sent(other, frameOf({ ...said, contact }));
  });
});
