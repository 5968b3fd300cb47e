import { inLaterTurn } from '../../../core/time/later-turn.ts';
import type { Forwarding } from '../socket/proxy.ts';
import type { Exchange } from './http-client.ts';

/** Methods whose requests name the length of their body even if there is none (RFC 9110, 8.6). */
const expectBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY']);

/** The bytes of requests to one origin. */
export class RequestText {
  /** The method, and what stands before the path of a request to a proxy. */
  readonly #start: string;
  readonly #proxyFields: string;
  readonly #host: string;
  readonly #length0: string;
  /** The fields of the last request, and their text: most lookups send the same fields with every call. */
  #fields: readonly string[] = [];
  #fieldsText: string;

  constructor(method: string, origin: string, forwarding?: Forwarding) {
    this.#start = `${method} ${forwarding?.prefix ?? ''}`;
    this.#proxyFields = fieldsOf(forwarding?.headers ?? []);
    this.#host = new URL(origin).host;
    this.#length0 = expectBody.has(method) ? 'content-length: 0\r\n' : '';
    this.#fieldsText = this.#render([]);
  }

  /** Text if every character is one byte, in Latin-1. */
  of({ path, headers, body }: Exchange): string | Buffer {
    if (headers !== this.#fields) {
      this.#fields = headers;
      this.#fieldsText = this.#render(headers);
    }
    const head = `${this.#start}${path} HTTP/1.1\r\n${this.#fieldsText}`;
    if (body === null) return `${head}${this.#length0}\r\n`;
    const length = Buffer.byteLength(body);
    const start = `${head}content-length: ${length}\r\n\r\n`;
    if (length === body.length) return start + body;
    const bytes = Buffer.allocUnsafe(start.length + length);
    bytes.write(start, 0, 'latin1');
    bytes.write(body, start.length, 'utf8');
    return bytes;
  }

  #render(headers: readonly string[]): string {
    const named = headers.some((name, at) => at % 2 === 0 && name === 'host');
    return `${named ? '' : `host: ${this.#host}\r\n`}connection: keep-alive\r\n${this.#proxyFields}${fieldsOf(headers)}`;
  }
}

function fieldsOf(headers: readonly string[]): string {
  let text = '';
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return text;
}

/** A client that has a request to send. */
export interface Sender {
  send(): void;
}

/**
 * Lets all requests of a turn of the event loop be sent together, at the beginning of the next one.
 *
 *     turn n:    answers arrive ─▶ calls begin ─▶ add, add, add
 *     turn n+1:  send, send, send
 *
 * This wakes the other system once for many requests. It also makes an answer that no call asked for harmless, if Node
 * reads it before the request is sent: its connection is closed then. One that arrives later than Node's last read, which
 * may be milliseconds before the request is sent, cannot be told from the answer of that request.
 */
export class TurnWriter {
  #senders: Sender[] = [];
  readonly #flush = (): void => {
    const senders = this.#senders;
    this.#senders = [];
    let begun = 0;
    try {
      for (const sender of senders) {
        begun += 1;
        sender.send();
      }
    } finally {
      // One has thrown: the others go in the next turn.
      for (const sender of senders.slice(begun)) this.add(sender);
    }
  };

  add(sender: Sender): void {
    if (this.#senders.push(sender) === 1) inLaterTurn(this.#flush);
  }
}
