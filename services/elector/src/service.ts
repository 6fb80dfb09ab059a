/**
 * What an elector answers over gRPC: `Confirm` (do you lead, at this version?), `Status`, `StepDown`,
 * `RaiseLineage`, and the standard health and reflection services. Decides what a caller is told when this elector
 * does not lead: the best record known, and when to ask again.
 */
import { Metadata, status } from '@grpc/grpc-js';
import type { handleUnaryCall, Server, ServiceError } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { isNewer } from '@herald/core';
import type { ElectionName, NodeId } from '@herald/core';
import { addElectorService, packageDefinition, toServiceError } from '@herald/wire';
import type {
  ConfirmRequest,
  ConfirmResponse,
  ElectionStatus,
  RaiseLineageRequest,
  StatusRequest,
  StatusResponse,
  StepDownRequest,
  StepDownResponse,
} from '@herald/wire';
import { HealthImplementation } from 'grpc-health-check';
import type { Candidacy } from './candidacy.ts';
import { ElectorError, isElectorError } from './errors.ts';
import type { RaiseAnswer } from './history/raise.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Tier } from './tier.ts';

/** The services that the health service speaks for; the empty name is the process as a whole. */
const healthServices = ['', 'herald.v1.Elector', 'herald.v1.Gossip', 'herald.v1.Node'] as const;

/** What the services speak for; an elector's `Campaigns`. */
export interface ServedCampaigns {
  readonly candidacies: ReadonlyMap<ElectionName, Candidacy>;
  raiseLineage(request: RaiseLineageRequest): Promise<RaiseAnswer>;
}

interface Served {
  readonly campaigns: ServedCampaigns;
  readonly tier: Pick<Tier, 'answer'>;
}

export class ElectorServices {
  readonly #id: NodeId;
  readonly #health = new HealthImplementation();
  #served: Served | undefined;

  constructor(id: NodeId) {
    this.#id = id;
    this.#setHealth('NOT_SERVING');
  }

  /** Puts the services on a server; they answer UNAVAILABLE until `serve`. */
  addTo(server: Server): void {
    addElectorService(server, {
      confirm: this.#handle((request, served) => this.#confirm(request, served)),
      status: this.#handle((request, served) => this.#status(request, served)),
      stepDown: this.#handle((request, served) => stepDown(request, served)),
      raiseLineage: this.#handle(async (request, { campaigns }) => ({
        ...(await campaigns.raiseLineage(request)),
        electorId: this.#id,
      })),
    });
    this.#health.addToServer(server);
    new ReflectionService(packageDefinition).addToServer(server);
  }

  serve(campaigns: ServedCampaigns, tier: Pick<Tier, 'answer'>): void {
    this.#served = { campaigns, tier };
    this.#setHealth('SERVING');
  }

  /** Tells balancers that this elector is going; questions are answered until the server ends. */
  stop(): void {
    this.#setHealth('NOT_SERVING');
  }

  #setHealth(serving: 'SERVING' | 'NOT_SERVING'): void {
    for (const service of healthServices) this.#health.setStatus(service, serving);
  }

  #handle<Request, Response>(
    answer: (request: Request, served: Served) => Response | Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const served = this.#served;
      if (served === undefined) {
        callback(serviceError(status.UNAVAILABLE, 'this elector is starting'));
        return;
      }
      Promise.resolve()
        .then(() => answer(call.request, served))
        .then(
          (response) => {
            callback(null, response);
          },
          (error: unknown) => {
            callback(toCallError(error));
          },
        );
    };
  }

  #confirm({ election, version }: ConfirmRequest, served: Served): ConfirmResponse {
    const candidacy = find(served, election);
    const best = served.tier.answer(election, version);
    // Asked last, so that nothing stands between the clock and the answer.
    const own = candidacy.version;
    const isCallerAhead = version !== undefined && isNewer({ ...version, renewal: 0 }, own);
    const leading = own !== undefined && !isCallerAhead;
    const ttlMs = candidacy.profile.ttlSeconds * 1_000;
    return {
      leading,
      leadingForMs: leading ? candidacy.leadingForMs() : 0,
      best,
      retryAfterMs: leading ? 0 : retryAfterMs(best, { id: this.#id, ttlMs }),
      electorId: this.#id,
    };
  }

  #status({ election }: StatusRequest, served: Served): StatusResponse {
    const asked =
      election === undefined
        ? [...served.campaigns.candidacies.values()]
        : [find(served, election)];
    return {
      electorId: this.#id,
      elections: asked.map((candidacy): ElectionStatus => {
        const best = served.tier.answer(candidacy.election);
        return {
          election: candidacy.election,
          state: candidacy.state,
          epoch: candidacy.epoch,
          leadingForMs: candidacy.leadingForMs(),
          best,
          trouble: candidacy.trouble,
        };
      }),
    };
  }
}

async function stepDown(
  { election, reason }: StepDownRequest,
  served: Served,
): Promise<StepDownResponse> {
  const ended = await find(served, election).stepDown(reason === '' ? 'on request' : reason);
  return { steppedDown: ended !== undefined, epoch: ended?.epoch ?? 0n };
}

function find({ campaigns }: Served, election: ElectionName): Candidacy {
  const candidacy = campaigns.candidacies.get(election);
  if (candidacy !== undefined) return candidacy;
  throw new ElectorError('UNKNOWN_ELECTION', `this elector takes no part in election ${election}`);
}

function toCallError(error: unknown): ServiceError {
  if (!isElectorError(error)) return toServiceError(error);
  switch (error.code) {
    case 'UNKNOWN_ELECTION':
      return serviceError(status.NOT_FOUND, error.message);
    case 'ETCD_UNREACHABLE':
    case 'ETCD_TIMEOUT':
      return serviceError(status.UNAVAILABLE, error.message);
    case 'ETCD_REFUSED':
    case 'FENCED':
    case 'LINEAGE_EXHAUSTED':
      return serviceError(status.FAILED_PRECONDITION, error.message);
    default:
      return toServiceError(error);
  }
}

function serviceError(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() });
}
