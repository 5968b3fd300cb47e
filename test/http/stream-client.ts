import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { onTestFinished } from 'vitest';
import { sharedSession } from './shared-session.ts';
import { speaksHttp2 } from './spoken.ts';

/** A header with several values is sent as several headers. */
export type Headers = Readonly<Record<string, string | string[]>>;

/** How a response ended for its client: as HTTP ends one, or broken off. */
export type End = 'whole' | 'cut';

/** One request whose body the test sends part by part, and its response; the same over each version of HTTP. */
export abstract class StreamClient {
  /** What has come of the body. */
  text = '';
  bytes = 0;
  /** How many of the last characters are kept, for long bodies. */
  keepChars = Infinity;
  status: number | undefined;
  headers: IncomingHttpHeaders = {};
  trailers: IncomingHttpHeaders = {};
  outcome: End | undefined;
  /** Called after each part of the body. */
  onData = (): void => {};
  #changed: (() => void)[] = [];

  /** The body that is being sent. */
  abstract readonly body: ClientRequest | ClientHttp2Stream;
  /** Stops and continues to read the response. */
  abstract pause(): void;
  abstract resume(): void;
  /** Breaks off the request in the middle: over HTTP/1.1 with its connection, over HTTP/2 with RST_STREAM. */
  abstract leave(): void;

  /** Ends the connection by a fault: over HTTP/1.1 bytes that are no chunk, over HTTP/2 GOAWAY with PROTOCOL_ERROR. */
  abstract breakConnection(): void;

  send(part: string | Uint8Array): void {
    this.body.write(part);
  }

  end(part: string | Uint8Array = ''): void {
    if (part.length > 0) this.body.end(part);
    else this.body.end();
  }

  /** Sends the block again and again, as long as the connection takes it. Returns what stops that. */
  flood(block: string): () => void {
    const { body } = this;
    const sendMore = (): void => {
      while (!body.destroyed && !body.writableNeedDrain) body.write(block);
    };
    body.on('drain', sendMore);
    sendMore();
    return () => void body.off('drain', sendMore);
  }

  async until(text: string): Promise<void> {
    await this.#until(() => this.text.includes(text), JSON.stringify(text));
  }

  /** Resolves with the status. */
  async answered(): Promise<number> {
    await this.#until(() => this.status !== undefined, 'its head');
    return this.status ?? 0;
  }

  async ended(): Promise<End> {
    await this.#until(() => this.outcome !== undefined, 'its end');
    return this.outcome ?? 'cut';
  }

  /** Resolves when the request is closed on both sides. */
  async closed(): Promise<void> {
    const { body } = this;
    if (!body.closed) await new Promise<void>((resolve) => body.once('close', resolve));
  }

  /** Resolves with the trailers of a complete stream. */
  async complete(): Promise<IncomingHttpHeaders> {
    const end = await this.ended();
    if (end === 'cut' || this.trailers['millrace-status'] !== 'complete')
      throw new Error(`${end}, trailers ${JSON.stringify(this.trailers)}, after ${this.text.slice(-1000)}`);
    return this.trailers;
  }

  protected head(status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.headers = headers;
    this.#change();
  }

  protected data(part: string): void {
    this.bytes += Buffer.byteLength(part);
    this.text += part;
    if (this.text.length > 2 * this.keepChars) this.text = this.text.slice(-this.keepChars);
    this.onData();
    this.#change();
  }

  protected over(end: End): void {
    this.outcome ??= end;
    this.#change();
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      if (this.outcome !== undefined)
        throw new Error(`${this.outcome} before ${what}; got ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

let context: SecureContext | undefined;

/** The authorities of this process, which are read only once: that takes longer than a request. */
function authorities(): SecureContext {
  context ??= createSecureContext();
  return context;
}

class Http1Client extends StreamClient {
  readonly body: ClientRequest;
  #response: IncomingMessage | undefined;
  #paused = false;

  constructor(url: string, headers: Headers) {
    super();
    const options = { method: 'POST', headers, agent: false } as const;
    const secureOptions = { ...options, secureContext: authorities() };
    this.body = url.startsWith('https:') ? httpsRequest(url, secureOptions) : httpRequest(url, options);
    this.body.on('error', () => this.over('cut'));
    this.body.on('response', (response: IncomingMessage) => {
      this.#response = response;
      response.setEncoding('utf8');
      response.on('data', (part: string) => this.data(part));
      if (this.#paused) response.pause();
      response.on('error', () => {});
      response.on('end', () => {
        this.trailers = response.trailers;
        this.over(response.complete ? 'whole' : 'cut');
      });
      response.on('close', () => this.over('cut'));
      this.head(response.statusCode ?? 0, response.headers);
    });
    this.body.on('close', () => this.over('cut'));
    this.body.flushHeaders();
  }

  pause(): void {
    this.#paused = true;
    this.#response?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#response?.resume();
  }

  leave(): void {
    this.body.destroy();
  }

  breakConnection(): void {
    this.body.socket?.write('this is no size of a chunk\r\n');
  }
}

class Http2Client extends StreamClient {
  readonly body: ClientHttp2Stream;
  readonly #session: ClientHttp2Session;

  constructor(url: string, headers: Headers) {
    super();
    const { pathname, search } = new URL(url);
    this.#session = sharedSession(url);
    const stream = this.#session.request({ ...headers, ':method': 'POST', ':path': pathname + search });
    this.body = stream;
    stream.setEncoding('utf8');
    stream.on('error', () => {});
    stream.on('response', (head) => this.head(head[':status'] ?? 0, head));
    stream.on('trailers', (trailers) => {
      this.trailers = trailers;
    });
    stream.on('data', (part: string) => this.data(part));
    const over = (): void => this.over(stream.rstCode === constants.NGHTTP2_NO_ERROR ? 'whole' : 'cut');
    stream.on('end', over);
    stream.on('close', over);
  }

  pause(): void {
    this.body.pause();
  }

  resume(): void {
    this.body.resume();
  }

  leave(): void {
    // Without this Node.js ends the body before the reset, and so it would be complete.
    Object.defineProperty(this.body, 'end', { configurable: true, value: () => this.body });
    this.body.close(constants.NGHTTP2_CANCEL);
  }

  breakConnection(): void {
    this.#session.destroy(undefined, constants.NGHTTP2_PROTOCOL_ERROR);
  }
}

/** Begins a request. Its head has left this process when this resolves. */
export async function openStream(url: string, headers: Headers = {}): Promise<StreamClient> {
  if (speaksHttp2()) {
    const client = new Http2Client(url, headers);
    if (client.body.pending) await Promise.race([once(client.body, 'ready'), once(client.body, 'close')]);
    return client;
  }
  const client = new Http1Client(url, headers);
  onTestFinished(() => void client.body.destroy());
  return client;
}
