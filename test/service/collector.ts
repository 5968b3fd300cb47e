import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/core/json/json.ts';
import { listen } from '../http/start.ts';

/** A span as the collector receives it, with its attributes by name. */
export interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector of OTLP over HTTP: accepts spans as JSON, or refuses them. */
export class Collector {
  readonly spans: Span[] = [];
  readonly exports: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];
  /** The status of its responses; 0: it never responds. */
  status = 200;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.exports.push({ path: request.url, headers: request.headers });
      void this.#take(request, response);
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = parseJson(await text(request));
    if (this.status === 200) this.spans.push(...spansOf(body));
    if (this.status > 0) response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
  }

  /** Starts it; returns its address. Closed at the end of the test. */
  async listen(): Promise<string> {
    const port = await listen(this.#server);
    onTestFinished(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  named(name: string): readonly Span[] {
    return this.spans.filter((span) => span.name === name);
  }
}

function spansOf(body: JsonValue): Span[] {
  return list(member(body, 'resourceSpans')).flatMap((resourceSpans) => {
    const resource = attributesOf(member(resourceSpans, 'resource'));
    return list(member(resourceSpans, 'scopeSpans'))
      .flatMap((scopeSpans) => list(member(scopeSpans, 'spans')))
      .map((span) => spanOf(object(span), resource));
  });
}

function spanOf(span: JsonObject, resource: Span['resource']): Span {
  const textOf = (name: string): string | undefined => textIn(span, name);
  return {
    name: textOf('name') ?? '',
    traceId: textOf('traceId') ?? '',
    spanId: textOf('spanId') ?? '',
    parentSpanId: textOf('parentSpanId'),
    traceState: textOf('traceState'),
    kind: Number(span['kind']),
    status: Number(member(span['status'], 'code')),
    durationMs: Number(BigInt(textOf('endTimeUnixNano') ?? 0) - BigInt(textOf('startTimeUnixNano') ?? 0)) / 1e6,
    attributes: attributesOf(span),
    resource,
  };
}

/** OTLP names the type of each value: `{"key": …, "value": {"intValue": 3}}`. */
function attributesOf(holder: JsonValue | undefined): Record<string, unknown> {
  return Object.fromEntries(
    list(member(holder, 'attributes')).map((attribute) => [
      textIn(attribute, 'key') ?? '',
      Object.values(object(member(attribute, 'value')))[0],
    ]),
  );
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}

function textIn(value: JsonValue | undefined, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' ? found : undefined;
}

function object(value: JsonValue | undefined): JsonObject {
  if (!isJsonObject(value)) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}
