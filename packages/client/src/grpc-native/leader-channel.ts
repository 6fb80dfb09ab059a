/**
 * What a user needs to let an ordinary stub follow the leader: a target and options for its channel.
 * Registers the scheme with grpc-js, never by being imported. Decides nothing else.
 */
import { experimental, InterceptingCall } from '@grpc/grpc-js';
import type { ClientOptions as GrpcClientOptions, Interceptor } from '@grpc/grpc-js';
import type { Client } from '../client.ts';
import { parseDelays, parseSeeds } from '../client-options.ts';
import { checkSecurityChosen } from '../grpc/grpc-security.ts';
import { timeLeftMs } from './deadline.ts';
import { LeaderBalancer, LeaderPolicyConfig, policyName } from './leader-balancer.ts';
import { LeaderCall } from './leader-call.ts';
import { Pursuit } from './pursuit.ts';
import { resolverClass, settingsKey } from './resolver.ts';
import type { Registration, ResolverSettings } from './resolver.ts';
import { leaderServiceConfigText } from './service-config.ts';
import { givenClient, sharedClient } from './sources.ts';
import type { ClientSource, SharedClientOptions } from './sources.ts';
import { heraldScheme, heraldTarget, parseTarget } from './target.ts';
import { redialTuning } from './tuning.ts';

export interface HeraldResolverOptions {
  /** `host:port` of nodes to ask, for targets that name none: `herald:///payments`. */
  readonly nodes?: readonly string[];
  /** For the clients that are made for targets, one for all channels of the same target. */
  readonly client?: SharedClientOptions;
}

export interface LeaderChannelOptions {
  /**
   * Calls a leader whose record has expired, instead of failing with UNAVAILABLE: for services that
   * refuse by themselves when they do not lead. Off unless given.
   */
  readonly allowExpired?: boolean;
  /**
   * Calls that begin while nobody leads, or the leader cannot be reached, wait until their deadline,
   * as if each had asked for gRPC's wait-for-ready. Off unless given: they then fail with UNAVAILABLE.
   */
  readonly waitForReady?: boolean;
  /** The service config to use, e.g. with a `retryPolicy`; its load balancing is Herald's. */
  readonly serviceConfig?: Readonly<Record<string, unknown>>;
}

/** Options for the constructor of a stub; more can be added by spreading them. */
export interface LeaderStubOptions extends GrpcClientOptions {
  readonly interceptors: Interceptor[];
}

/** The first and the third argument of a stub's constructor. */
export interface LeaderChannel {
  readonly target: string;
  readonly options: LeaderStubOptions;
}

let registration: Registration = { nodes: [], clientOptions: {} };

/**
 * Makes `herald:` targets known to grpc-js, in this process. Called again, it replaces the nodes and
 * options for the channels that are made afterwards. A channel made from a bare target follows the
 * leader; to follow refusals as well it needs `leaderChannelOptions`.
 *
 * @throws HeraldClientError `INVALID_ARGUMENT` when a node is no `host:port`, an option out of range, or nodes are given
 *   without `client.tls` and `client.trustedKeys` (or `client.insecure`).
 */
export function registerHeraldResolver(options: HeraldResolverOptions = {}): void {
  const { client = {}, nodes = [] } = options;
  // Said here, to whoever wrote them: the clients themselves are made in the middle of some call.
  parseDelays(client);
  if (nodes.length > 0 && client.transport === undefined) checkSecurityChosen(client);
  registration = { nodes: nodes.length === 0 ? [] : parseSeeds(nodes), clientOptions: client };
  register();
}

/**
 * All that a stub needs to follow the leader of the client's election:
 * `const { target, options } = leaderChannel(client)`, and then `new TicketsClient(target, credentials, options)`.
 * Close the stub before the client.
 */
export function leaderChannel(client: Client, options: LeaderChannelOptions = {}): LeaderChannel {
  return { target: heraldTarget(client.election), options: leaderChannelOptions(client, options) };
}

/**
 * Options for a stub whose target is `herald:///ELECTION`, with the client that knows the leader; or
 * for a stub whose target names its nodes, with that target. Interceptors that are given to a single
 * call replace those of the stub, this one included.
 *
 * @throws HeraldClientError `INVALID_ARGUMENT` when the target is malformed or has no nodes, or when it was not said to
 *   `registerHeraldResolver` how its nodes are asked: `client.tls` and `client.trustedKeys`, or `client.insecure`.
 */
export function leaderChannelOptions(
  source: Client | string,
  options: LeaderChannelOptions = {},
): LeaderStubOptions {
  register();
  const { allowExpired = false, serviceConfig, waitForReady = false } = options;
  const clients = typeof source === 'string' ? sourceOf(source) : givenClient(source);
  const settings: ResolverSettings = { source: clients, allowExpired };
  return {
    'grpc.service_config': leaderServiceConfigText(serviceConfig),
    'grpc.initial_reconnect_backoff_ms': redialTuning.firstMs,
    'grpc.max_reconnect_backoff_ms': redialTuning.capMs,
    // A proxy of the environment would be dialled instead of the leader: grpc-js replaces the target.
    'grpc.enable_http_proxy': 0,
    [settingsKey]: settings,
    interceptors: [leaderInterceptor({ source: clients, allowExpired, waitForReady })],
  };
}

function leaderInterceptor(settings: {
  readonly source: ClientSource;
  readonly allowExpired: boolean;
  readonly waitForReady: boolean;
}): Interceptor {
  return (options, nextCall) => {
    const pursuit = new Pursuit({ ...settings, timeLeftMs: timeLeftMs(options) });
    return new InterceptingCall(new LeaderCall(options, nextCall, pursuit));
  };
}

function sourceOf(text: string): ClientSource {
  const target = parseTarget(text);
  const nodes = target.nodes.length > 0 ? target.nodes : registration.nodes;
  return sharedClient({ ...target, nodes }, registration.clientOptions);
}

let isRegistered = false;

function register(): void {
  if (isRegistered) return;
  isRegistered = true;
  experimental.registerLoadBalancerType(policyName, LeaderBalancer, LeaderPolicyConfig);
  experimental.registerResolver(
    heraldScheme,
    resolverClass(() => registration),
  );
}
