/** The public surface of `@herald/client/grpc`: ordinary stubs that follow the leader. */
export { leaderChannel, leaderChannelOptions, registerHeraldResolver } from './leader-channel.ts';
export type {
  HeraldResolverOptions,
  LeaderChannel,
  LeaderChannelOptions,
  LeaderStubOptions,
} from './leader-channel.ts';
export type { SharedClientOptions } from './sources.ts';
export { heraldTarget } from './target.ts';
export { followTuning, redialTuning } from './tuning.ts';
