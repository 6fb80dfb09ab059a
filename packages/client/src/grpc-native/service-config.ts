/** Decides how the service config of a channel comes to name the policy `herald_leader`. */
import type { ServiceConfig } from '@grpc/grpc-js';
import { policyName } from './leader-balancer.ts';

const loadBalancingConfig = [{ [policyName]: {} }];

/** For a channel whose options name none. */
export const leaderServiceConfig: ServiceConfig = { loadBalancingConfig, methodConfig: [] };

/**
 * As channel option `grpc.service_config`.
 *
 * @param own What the user wants of it beside the policy, e.g. `methodConfig` with a `retryPolicy`.
 */
export function leaderServiceConfigText(own: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...own, loadBalancingConfig });
}
