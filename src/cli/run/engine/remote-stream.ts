import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { thrownMessage } from '../../../core/thrown.ts';
import { systemClock, wallClockMs } from '../../../core/time/time.ts';
import type { ClientFiles } from '../../top/client-files.ts';
import { lost, otherContent, RemoteFailure, refused } from './remote-failure.ts';

export interface RemoteStreamOptions {
  /** The address of the pipeline, with its parameters. */
  readonly url: URL;
  readonly files: ClientFiles;
  readonly token: string | undefined;
  /** The longest time without a byte from the service while it has lines. */
  readonly stallMs: number;
  readonly onData: (chunk: Buffer) => void;
  /** Default POST. */
  readonly method?: 'GET' | 'POST';
  /** Whether an earlier stream had an answer. */
  readonly answered: boolean;
}

/** Reads a resource as text. Rejects with RemoteFailure. */
export async function readText(options: Omit<RemoteStreamOptions, 'onData' | 'method'>): Promise<string> {
  const chunks: Buffer[] = [];
  const stream = new RemoteStream({ ...options, method: 'GET', onData: (chunk) => chunks.push(chunk) });
  stream.finish();
  await stream.ended;
  return Buffer.concat(chunks).toString();
}

/** Bytes of a problem that are read. */
const longestProblem = 64 * 1024;

/** One request: lines are written while the response is read. */
export class RemoteStream {
  /** Resolves at the end of the response. Rejects with RemoteFailure. */
  readonly ended: Promise<void>;
  readonly #request: ClientRequest;
  readonly #stallMs: number;
  readonly #accepts: string;
  readonly #lost: (error: Error) => void;
  #response: IncomingMessage | undefined;
  #paused = false;
  #awaited = false;
  #disarm: (() => void) | undefined;
  #broken: RemoteFailure | undefined;
  #fail: (error: RemoteFailure) => void = () => {};
  #end: () => void = () => {};

  constructor({ url, files, token, stallMs, onData, method = 'POST', answered }: RemoteStreamOptions) {
    const plain = url.protocol === 'http:';
    const open = plain ? httpRequest : httpsRequest;
    this.#accepts = method === 'POST' ? 'application/x-ndjson' : 'application/json';
    this.#lost = (error) =>
      this.fail(lost(error, { files, plain, answered: answered || this.#response !== undefined }));
    const headers = {
      ...(method === 'POST' && { 'content-type': 'application/x-ndjson' }),
      accept: this.#accepts,
      'user-agent': 'millrace run',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    this.#stallMs = stallMs;
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.ended.catch(() => {});
    // A connection of its own: a kept one may be closed by the service just when it is used again.
    this.#request = open(url, { ...files, method, headers, agent: false });
    this.#request.on('response', (response) => this.#responded(response, onData));
    this.#request.on('error', (error) => this.#lost(error));
    this.#request.on('socket', (socket) => socket.setKeepAlive(true, 15_000));
    this.#request.on('close', () => this.fail(new RemoteFailure('the connection was closed', true)));
    this.#watch();
  }

  /** Whether it has not ended. */
  get open(): boolean {
    return this.#broken === undefined;
  }

  /** Resolves when more bytes may be written. Rejects if the request has ended. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#awaited = true;
    this.#watch();
    if (this.#request.write(bytes)) return;
    await Promise.race([
      this.ended,
      new Promise<void>((resolve) => {
        this.#request.once('drain', resolve);
      }),
    ]);
  }

  /** No more bytes are written. */
  finish(): void {
    this.#awaited = true;
    this.#watch();
    this.#request.end();
  }

  /** The service has answered every line that it has, so it may be silent. */
  idle(): void {
    this.#awaited = false;
    this.#watch();
  }

  pause(): void {
    this.#paused = true;
    this.#response?.pause();
    this.#watch();
  }

  resume(): void {
    this.#paused = false;
    this.#response?.resume();
    this.#watch();
  }

  /** Ends the request, if it has not ended. */
  fail(error: RemoteFailure): void {
    this.#broken ??= error;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#fail(error);
    this.#request.destroy();
  }

  #responded(response: IncomingMessage, onData: (chunk: Buffer) => void): void {
    this.#response = response;
    const { statusCode: status = 0, headers } = response;
    response.on('error', (error) => this.#lost(error));
    response.on('aborted', () => this.fail(new RemoteFailure('the response was cut', true)));
    if (status !== 200) {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < longestProblem) text += chunk;
      });
      const { 'retry-after': retryAfter, location } = headers;
      response.on('end', () => {
        this.fail(refused({ status, text, retryAfter, location }, wallClockMs()));
      });
      return;
    }
    const type = headers['content-type'] ?? this.#accepts;
    if (!type.startsWith(this.#accepts)) return this.fail(otherContent(type));
    response.on('data', (chunk: Buffer) => {
      if (!this.open) return;
      this.#watch();
      try {
        onData(chunk);
      } catch (error) {
        this.fail(error instanceof RemoteFailure ? error : new RemoteFailure(thrownMessage(error), false));
      }
    });
    response.on('end', () => {
      if (response.complete) this.#complete();
      else this.fail(new RemoteFailure('the response was cut', true));
    });
    if (this.#paused) response.pause();
  }

  #complete(): void {
    this.#end();
    this.fail(new RemoteFailure('the stream has ended', true));
  }

  /** Starts to wait anew for the next byte of the service. */
  #watch(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    if (this.#broken !== undefined || this.#paused || !this.#awaited) return;
    this.#disarm = systemClock.setTimer(this.#stallMs, () => {
      this.fail(new RemoteFailure(`the service sent nothing for ${this.#stallMs / 1000} s (--stall-timeout)`, true));
    });
  }
}
