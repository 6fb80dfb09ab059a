/** Scenarios in which members do not obey the protocol. */
import { forger } from '../forgery.ts';
import { playChanges } from './conditions.ts';
import type { Scenario } from './scenario.ts';
import { counted } from './wording.ts';

const liarsShare = 0.05;
const forgedShare = 0.3;
const lyingMs = 60_000;

export const liars: Scenario = {
  summary: 'for a minute one node in twenty forges three of ten records that it passes on',
  play: (stage) => {
    const { simulation, expected } = stage.cluster;
    stage.form();
    const lying = new Set(stage.someNodes(Math.max(1, Math.round(liarsShare * expected))));
    simulation.forgery = forger(lying, forgedShare, stage.random);
    stage.tell(`${counted(lying.size, 'node')} forge records from now on`);
    playChanges(stage);
    stage.wait(lyingMs);
    stage.change();
    simulation.forgery = undefined;
    stage.tell(`${counted(simulation.recordsRefused, 'forged record')} were refused`);
    stage.recover(10_000);
    stage.finish();
  },
};
