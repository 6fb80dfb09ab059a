/** `@herald/client/testing`: a tier in memory, for the tests of programs that use the client. */
export { createTestTier } from './memory/test-tier.ts';
export type { TestLeader, TestTier, TestTierOptions } from './memory/test-tier.ts';
export { VirtualClock } from './memory/virtual-clock.ts';
export { MemoryEndpoint, MemoryNetwork } from './memory/memory-network.ts';
export type { MemoryBehaviour, MemoryQuestion } from './memory/memory-network.ts';
