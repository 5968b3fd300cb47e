import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { RequestError } from '../../core/errors.ts';

/**
 * The requests of a server that have `Expect`. Node.js answers such a request before any route sees it: with `100
 * Continue`, so that the client sends the body of a request that is then refused, or with 417 without a body.
 */
export class Expectations {
  readonly #waiting = new WeakSet<IncomingMessage>();
  readonly #unknown = new WeakSet<IncomingMessage>();

  constructor(server: Server) {
    const receiveInto =
      (requests: WeakSet<IncomingMessage>) =>
      (request: IncomingMessage, response: ServerResponse): void => {
        requests.add(request);
        server.emit('request', request, response);
      };
    server.on('checkContinue', receiveInto(this.#waiting));
    server.on('checkExpectation', receiveInto(this.#unknown));
  }

  /** RFC 9110, section 10.1.1, has one expectation only. */
  problem(request: IncomingMessage): RequestError | undefined {
    if (!this.#unknown.has(request)) return undefined;
    const { expect } = request.headers;
    return new RequestError('expectation_failed', `Expect is ${expect}; only 100-continue is understood`, {
      understood: ['100-continue'],
    });
  }

  /** The request is not refused by its head: a client that waits with the body may send it. */
  accept(request: IncomingMessage, response: ServerResponse): void {
    if (this.#waiting.has(request)) response.writeContinue();
  }
}
