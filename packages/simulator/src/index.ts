/** The core by the thousand under virtual time. */
export { EventQueue } from './event-queue.ts';
export { lan, uniformLatency, wan } from './latency.ts';
export type { Latency } from './latency.ts';
export type { SimulatedMember, SimulationObserver } from './observer.ts';
export { simulatedCluster } from './signing.ts';
export { Simulation } from './simulation.ts';
export type { SimulationOptions } from './simulation.ts';
export { simulatedElection, simulatedRecord } from './records.ts';
