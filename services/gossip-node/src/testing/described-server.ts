/**
 * Asks an operations server, and holds each answer against its own `/openapi.json`: the path, the status, the
 * content type and the body must be described there.
 */
import assert from 'node:assert/strict';
import { z } from 'zod';

interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, { readonly get: DescribedOperation }>>;
}

interface DescribedOperation {
  readonly summary: string;
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}

interface DescribedResponse {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: z.core.JSONSchema.JSONSchema }>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const timeoutMs = 10_000;

export class DescribedServer {
  readonly url: string;
  readonly description: Description;

  private constructor(url: string, description: Description) {
    this.url = url;
    this.description = description;
  }

  static async at(url: string): Promise<DescribedServer> {
    const response = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(timeoutMs) });
    assert.equal(response.status, 200);
    return new DescribedServer(url, (await response.json()) as Description);
  }

  /** The answer to GET, checked. */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${this.url}${path}`, { headers, redirect: 'manual', signal });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: this.#check(path, response, text),
    };
  }

  #check(path: string, { status, headers }: Response, text: string): unknown {
    const described = this.#operationOf(path).responses[status];
    assert.ok(described !== undefined, `${path} may answer ${status}`);
    for (const name of Object.keys(described.headers ?? {})) {
      assert.ok(headers.has(name), `${path}: ${status} has ${name}`);
    }
    if (described.content === undefined) {
      assert.equal(text, '', `${path}: ${status} has no body`);
      return undefined;
    }
    const contentType = headers.get('content-type')?.split(';')[0] ?? 'none';
    const schema = described.content[contentType]?.schema;
    assert.ok(schema !== undefined, `${path}: ${status} may be ${contentType}`);
    const body: unknown = contentType.endsWith('json') ? JSON.parse(text) : text;
    const checked = z.fromJSONSchema(schema).safeParse(body);
    assert.ok(checked.success, `${path}: ${checked.error?.message ?? ''} in ${text}`);
    return body;
  }

  #operationOf(path: string): DescribedOperation {
    const { pathname } = new URL(path, this.url);
    const found = Object.entries(this.description.paths).find(([template]) =>
      new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname),
    );
    assert.ok(found !== undefined, `${path} is described`);
    return found[1].get;
  }
}
