/** The core by the thousand under virtual time. */
export { EventQueue } from './event-queue.ts';
export { Simulation, simulatedCluster } from './simulation.ts';
export type { SimulatedMember, SimulationOptions } from './simulation.ts';
export { simulatedElection, simulatedRecord } from './records.ts';
