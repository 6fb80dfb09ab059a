/**
 * Decides what operators see of a process over HTTP: `/livez` (it answers), `/readyz` (each check
 * with its reason), `/metrics`, the routes that its owner adds, and `/openapi.json`, which describes
 * them all. Fastify is loaded on first use, so that processes without HTTP do not carry it.
 */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { addApiRoute, nothing } from './http/api-route.ts';
import { sendProblem } from './http/problem.ts';
import { processLimits } from './limits.ts';
import { formatListenAddress } from './option-schemas.ts';
import type { ListenAddress } from './option-schemas.ts';
import { listenError } from './process-error.ts';

/** What a readiness check finds; the reason is for people, ready or not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
}

export interface OperationsServerOptions {
  readonly listen: ListenAddress;
  /** The option that said where, as errors are to name it: `--ops-listen`. */
  readonly listenOption?: string;
  readonly logger: Logger;
  /** By name, e.g. `links`. Asked on each `/readyz`, so it reads state and waits for nothing. */
  readonly checks?: Readonly<Record<string, () => Readiness>>;
  /** What `/metrics` serves; without one there is no such route. */
  readonly registry?: Registry;
  /** Adds CPU, memory, event loop and garbage collection of this process to the registry. */
  readonly defaultMetrics?: boolean;
  /** Once aborted, `/readyz` answers 503. */
  readonly signal?: AbortSignal;
  /** What `/openapi.json` calls itself. */
  readonly title?: string;
  readonly version?: string;
  /** Adds routes, e.g. under `/v1`. */
  readonly register?: (routes: FastifyInstance) => void | Promise<void>;
}

export interface OperationsServer extends AsyncDisposable {
  /** Where it listens, with the port that the system chose for port 0. */
  readonly address: ListenAddress;
  /** `http://host:port`. */
  readonly url: string;
  /** Stops listening and ends all connections, busy ones too. */
  close(): Promise<void>;
}

/**
 * Serves until closed.
 *
 * @throws ProcessError with code `ADDRESS_UNAVAILABLE` when the address cannot be bound.
 */
export async function startOperationsServer(
  options: OperationsServerOptions,
): Promise<OperationsServer> {
  const app = await buildApp(options);
  const { host, port } = options.listen;
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const { listen, listenOption } = options;
    const what = `operations server${listenOption === undefined ? '' : ` (${listenOption})`}`;
    throw listenError(what, formatListenAddress(listen), error);
  }
  const bound = app.server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  const address: ListenAddress = { host, port: boundPort };
  const close = async (): Promise<void> => {
    await app.close();
  };
  const url = `http://${formatListenAddress(address)}`;
  return { address, url, close, [Symbol.asyncDispose]: close };
}

async function buildApp(options: OperationsServerOptions): Promise<FastifyInstance> {
  const { fastify } = await import('fastify');
  const app = fastify({
    bodyLimit: processLimits.httpBodyBytesMax,
    requestTimeout: processLimits.httpRequestTimeoutMs,
    keepAliveTimeout: processLimits.httpKeepAliveTimeoutMs,
    maxRequestsPerSocket: processLimits.httpRequestsPerConnectionMax,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: processLimits.httpParameterCharactersMax },
  });
  app.server.maxConnections = processLimits.httpConnectionsMax;
  // Routes read what arrives by their own schemas, and send what they made themselves.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  answerErrors(app, options.logger);
  await addDescription(app, options);
  addHealth(app, options);
  await addMetrics(app, options);
  const { register } = options;
  if (register !== undefined) {
    await app.register(async (routes) => {
      await register(routes);
    });
  }
  return app;
}

function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, undefined, `no route ${request.method} ${request.url}`),
  );
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, status, undefined, error.message);
    logger.error({ err: error, method: request.method, url: request.url }, 'HTTP request failed');
    return sendProblem(reply, status, undefined, 'see the log of this process');
  });
}

/** Comes before the routes, so that it sees each of them. */
async function addDescription(
  app: FastifyInstance,
  { title = 'Herald operations', version = '0.0.0' }: OperationsServerOptions,
): Promise<void> {
  const { fastifySwagger } = await import('@fastify/swagger');
  await app.register(fastifySwagger, { openapi: { openapi: '3.1.0', info: { title, version } } });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

const readinessSchema = z.object({
  status: z.enum(['ready', 'not ready']),
  checks: z.record(z.string(), z.object({ ready: z.boolean(), reason: z.string() })),
});

function addHealth(app: FastifyInstance, options: OperationsServerOptions): void {
  addApiRoute(app, {
    path: '/livez',
    summary: 'Whether this process answers at all',
    ...{ params: nothing, query: nothing },
    answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('live') }) } },
    handle: (_asked, reply) => reply.send({ status: 'live' }),
  });
  addApiRoute(app, {
    path: '/readyz',
    summary: 'Whether this process does what it is for, check by check',
    ...{ params: nothing, query: nothing },
    answers: {
      200: { description: 'Every check is content', schema: readinessSchema },
      503: { description: 'At least one is not', schema: readinessSchema },
    },
    handle: (_asked, reply) => {
      const checks: Record<string, Readiness> = {};
      for (const [name, check] of Object.entries(options.checks ?? {})) checks[name] = ask(check);
      if (options.signal !== undefined) checks['shutdown'] = describeShutdown(options.signal);
      const isReady = Object.values(checks).every(({ ready }) => ready);
      const status = isReady ? 'ready' : 'not ready';
      return reply.code(isReady ? 200 : 503).send({ status, checks });
    },
  });
}

/** A check that throws is an answer too: not ready, and why. */
function ask(check: () => Readiness): Readiness {
  try {
    return check();
  } catch (error) {
    return { ready: false, reason: `the check failed: ${String(error)}` };
  }
}

function describeShutdown(signal: AbortSignal): Readiness {
  return signal.aborted
    ? { ready: false, reason: 'this process is stopping' }
    : { ready: true, reason: 'this process is not stopping' };
}

async function addMetrics(app: FastifyInstance, options: OperationsServerOptions): Promise<void> {
  const { registry } = options;
  if (registry === undefined) return;
  if (options.defaultMetrics === true) {
    const { collectDefaultMetrics } = await import('prom-client');
    collectDefaultMetrics({ register: registry });
  }
  addApiRoute(app, {
    path: '/metrics',
    summary: 'Counters and gauges in the text format of Prometheus',
    ...{ params: nothing, query: nothing },
    answers: { 200: { description: 'All of them', schema: z.string(), contentType: 'text/plain' } },
    handle: async (_asked, reply) =>
      reply.type(registry.contentType).send(await registry.metrics()),
  });
}
