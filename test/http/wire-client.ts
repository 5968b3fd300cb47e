import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connectTo } from './spoken.ts';

/** A client that sends exactly the bytes that the test writes, and keeps what it receives. */
export class WireClient {
  readonly socket: Socket;
  received = '';
  receivedBytes = 0;
  /** How many received characters are kept, for long bodies. */
  keepChars = Infinity;
  ended = false;
  closed = false;
  #changed: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.receivedBytes += text.length;
      this.received += text;
      if (this.received.length > 2 * this.keepChars) this.received = this.received.slice(-this.keepChars);
      this.#change();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#change();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#change();
    });
  }

  static async open(port: number): Promise<WireClient> {
    const { socket, opened } = connectTo(port);
    await once(socket, opened);
    return new WireClient(socket);
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** One chunk of a chunked body. */
  chunk(text: string): void {
    this.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  head(path: string, ...headers: readonly string[]): void {
    this.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`);
  }

  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.closed) throw new Error(`closed before ${JSON.stringify(text)}; got ${JSON.stringify(this.received)}`);
      await this.#next();
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await this.#next();
  }

  async untilEnded(): Promise<void> {
    while (!this.ended && !this.closed) await this.#next();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
