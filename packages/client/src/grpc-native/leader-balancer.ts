/**
 * The load-balancing policy `herald_leader`: all calls to one address, that of the leader. Decides what
 * becomes of connections when the leader changes. grpc-js's own pick_first goes on using the old
 * connection until the new one stands, and for ever when there is no new address; a deposed leader
 * must get no call that began after its end was known. So here the old connection is let go at once:
 * calls under way on it may end there, new ones wait for the new connection, and while nobody leads they
 * fail with the resolver's reason.
 *
 *   nobody ──address──► following ──other address──► following
 *      ▲                    │
 *      └──────error─────────┘
 */
import { connectivityState, experimental } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';

type Endpoint = experimental.Endpoint;
type Helper = experimental.ChannelControlHelper;
type StatusOr<T> = experimental.StatusOr<T>;
type Subchannel = ReturnType<Helper['createSubchannel']>;

export const policyName = 'herald_leader';

/** An attribute of an address: the change, as text, by which it is the leader's. */
export const versionAttribute = `${experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.herald_version`;

/** The policy has nothing to configure. */
export class LeaderPolicyConfig implements experimental.TypedLoadBalancingConfig {
  getLoadBalancerName(): string {
    return policyName;
  }

  toJsonObject(): object {
    return { [policyName]: {} };
  }

  static createFromJson(_json: unknown): LeaderPolicyConfig {
    return new LeaderPolicyConfig();
  }
}

/** The one address that is called now. */
interface Following {
  readonly key: string;
  readonly leaf: experimental.LeafLoadBalancer;
  version: unknown;
  /** Set as soon as the leaf has made its connection. */
  subchannel: Subchannel | undefined;
}

export class LeaderBalancer implements experimental.LoadBalancer {
  readonly #helper: Helper;
  #following: Following | undefined;

  constructor(helper: Helper) {
    this.#helper = helper;
  }

  updateAddressList(
    endpoints: StatusOr<Endpoint[]>,
    config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
    resolutionNote: string,
  ): boolean {
    if (!(config instanceof LeaderPolicyConfig)) return false;
    const endpoint = endpoints.ok ? endpoints.value[0] : undefined;
    if (endpoint !== undefined) {
      this.#follow(endpoint, options, resolutionNote);
      return true;
    }
    const error = endpoints.ok ? { details: `no address: ${resolutionNote}` } : endpoints.error;
    this.#letGo();
    const picker = new experimental.UnavailablePicker(error);
    this.#helper.updateState(connectivityState.TRANSIENT_FAILURE, picker, error.details);
    return true;
  }

  exitIdle(): void {
    this.#following?.leaf.exitIdle();
  }

  resetBackoff(): void {
    this.#following?.subchannel?.getRealSubchannel().resetBackoff();
  }

  destroy(): void {
    this.#letGo();
  }

  getTypeName(): string {
    return policyName;
  }

  #follow(endpoint: Endpoint, options: ChannelOptions, resolutionNote: string): void {
    const key = experimental.endpointToString(endpoint);
    const version: unknown = options[versionAttribute];
    const current = this.#following;
    if (current?.key === key) {
      // Elected anew, or restarted and elected: a reason to dial that no back-off knows of.
      if (current.version !== version) this.resetBackoff();
      current.version = version;
      return;
    }
    this.#letGo();
    const following: Following = {
      key,
      version,
      leaf: new experimental.LeafLoadBalancer(
        endpoint,
        this.#helperOf(() => following),
        options,
        resolutionNote,
      ),
      subchannel: undefined,
    };
    this.#following = following;
    following.leaf.startConnecting();
  }

  /** What the leaf reports counts for as long as it is followed. */
  #helperOf(owner: () => Following): Helper {
    const helper = this.#helper;
    return experimental.createChildChannelControlHelper(helper, {
      createSubchannel: (address, options) => {
        const subchannel = helper.createSubchannel(address, options);
        owner().subchannel = subchannel;
        return subchannel;
      },
      updateState: (state, picker, errorMessage) => {
        if (this.#following === owner()) helper.updateState(state, picker, errorMessage);
      },
    });
  }

  #letGo(): void {
    const gone = this.#following;
    this.#following = undefined;
    gone?.leaf.destroy();
  }
}
