/** Scenarios in which members live and cannot reach each other. */
import { home } from '../network.ts';
import type { Side } from '../network.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { counted, duration } from './wording.ts';

/** After a partition one member list and one leader version must stand within this. */
export const healedWithinMs = 10_000;

const partitionMs = 20 * 60_000;
const oneWayMs = 60_000;

/** The side that etcd and most electors are not on. */
export const away: Side = 1;

/** Puts this share of the nodes on the other side; electors stay with etcd. Returns who went. */
export function sendAway(stage: Stage, shareAway: number): number[] {
  const { network } = stage.cluster.simulation;
  const gone = stage.someNodes(Math.round(shareAway * stage.cluster.expected));
  network.place(gone, away);
  return gone;
}

export const partition: Scenario = {
  summary: 'a third of the nodes is cut off for twenty minutes',
  play: (stage) => {
    const { simulation } = stage.cluster;
    stage.form();
    const gone = sendAway(stage, 1 / 3);
    simulation.network.cut(home, away);
    simulation.network.cut(away, home);
    stage.tell(`the network splits: ${counted(gone.length, 'node')} are cut off from the electors`);
    stage.wait(30_000);
    stage.change({ except: new Set(gone) });
    changeBothSides(stage, new Set(gone));
    stage.wait(partitionMs / 2);
    stage.change({ except: new Set(gone) });
    stage.wait(partitionMs / 2 - 30_000);
    simulation.heal();
    stage.tell(`the network heals, ${duration(partitionMs)} after it split`);
    stage.recover(healedWithinMs);
    stage.finish();
  },
};

/** What the other side cannot see: on each side one leaves and one dies; at home one joins. */
function changeBothSides(stage: Stage, gone: ReadonlySet<number>): void {
  const { simulation } = stage.cluster;
  const nodes = stage.someNodes(stage.cluster.expected);
  const [firstAway, secondAway] = nodes.filter((member) => gone.has(member));
  const [firstHome, secondHome] = nodes.filter((member) => !gone.has(member));
  for (const member of [firstAway, firstHome]) if (member !== undefined) simulation.leave(member);
  for (const member of [secondAway, secondHome]) if (member !== undefined) simulation.kill(member);
  simulation.join('node');
  stage.tell('meanwhile on each side one leaves and one dies, and at home one joins');
}

export const oneWay: Scenario = {
  summary: 'for a minute nothing that a third of the nodes sends gets out, though all gets in',
  play: (stage) => {
    const { simulation } = stage.cluster;
    stage.form();
    const gone = sendAway(stage, 1 / 3);
    simulation.network.cut(away, home);
    stage.tell(`what ${counted(gone.length, 'node')} send to the others is lost from now on`);
    stage.wait(30_000);
    stage.change({ except: new Set(gone) });
    stage.wait(oneWayMs - 30_000);
    simulation.heal();
    stage.tell('the network heals');
    stage.recover(healedWithinMs);
    stage.finish();
  },
};
