/**
 * A route with its description: decides that the schemas by which a request is read are the ones that
 * `/openapi.json` shows, so that the two cannot part.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { problemContentType, problemSchema, sendProblem } from './problem.ts';

/** Where routes are added; what `OperationsServerOptions.register` is handed. */
export type HttpRoutes = FastifyInstance;
export type HttpReply = FastifyReply;
export type HttpRequest = FastifyRequest;

/** One answer of a route. Problems need no schema: they have one form. */
export interface DescribedAnswer {
  readonly description: string;
  /** `null` where there is no body. */
  readonly schema?: z.ZodType | null;
  /** `application/json` unless given. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute<Params extends z.ZodObject, Query extends z.ZodObject> {
  /** As fastify writes it: `/v1/elections/:election/leader`. */
  readonly path: string;
  readonly summary: string;
  readonly params: Params;
  readonly query: Query;
  readonly answers: Readonly<Record<number, DescribedAnswer>>;
  readonly handle: (
    asked: { readonly params: z.output<Params>; readonly query: z.output<Query> },
    reply: FastifyReply,
    request: FastifyRequest,
  ) => FastifyReply | Promise<FastifyReply>;
}

/** Nothing is read of a path or a query; what a probe writes there is passed over. */
export const nothing = z.object({});

/** Adds a GET route, and HEAD with it. A request against its schemas is answered with 400. */
export function addApiRoute<Params extends z.ZodObject, Query extends z.ZodObject>(
  routes: FastifyInstance,
  route: ApiRoute<Params, Query>,
): void {
  routes.route({
    method: 'GET',
    url: route.path,
    schema: {
      summary: route.summary,
      ...documented('params', route.params),
      ...documented('querystring', route.query),
      response: Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [status, responseOf(answer)]),
      ),
    },
    handler: (request, reply) => {
      const params = route.params.safeParse(request.params);
      if (!params.success) return refuse(reply, params.error);
      const query = route.query.safeParse(request.query);
      if (!query.success) return refuse(reply, query.error);
      return route.handle({ params: params.data, query: query.data }, reply, request);
    },
  });
}

/** The answer of a route to what breaks a rule; belongs into the answers of each that takes anything. */
export const invalidRequest: Readonly<Record<number, DescribedAnswer>> = {
  400: { description: 'A name or parameter breaks a rule', contentType: problemContentType },
};

function refuse(reply: FastifyReply, error: z.ZodError): FastifyReply {
  const detail = error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
  return sendProblem(reply, 400, 'invalid-request', detail);
}

function documented(part: 'params' | 'querystring', schema: z.ZodObject): Record<string, unknown> {
  return Object.keys(schema.shape).length === 0 ? {} : { [part]: jsonSchema(schema, 'input') };
}

function responseOf(answer: DescribedAnswer): Record<string, unknown> {
  const { description, schema = problemSchema, headers = {} } = answer;
  const { contentType = answer.schema === undefined ? problemContentType : 'application/json' } =
    answer;
  const describe = (meaning: string) => ({ type: 'string', description: meaning });
  const described = Object.entries(headers).map(([name, meaning]) => [name, describe(meaning)]);
  return {
    description,
    headers: Object.fromEntries(described),
    ...(schema === null
      ? { type: 'null' }
      : { content: { [contentType]: { schema: jsonSchema(schema, 'output') } } }),
  };
}

/** OpenAPI 3.1 takes JSON Schema as it is, but for the name of its dialect in every part. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
