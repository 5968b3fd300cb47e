import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { socketConnector, type SocketOptions } from './http-socket.ts';

/**
 * Sockets of plain HTTP/1.1 whose bytes reach undici's parser in the turn in which they are read.
 *
 *     kernel ──▶ arrival (one for all sockets) ──copy──▶ taken ──'readable'──▶ undici: read(), parsed at once
 *                                                          └── what undici leaves: push(), the stream's own buffer
 *
 * A stream gives each read 64 KiB of its own, buffers it and announces it a tick later: that is 5 to 9 % of a call. It
 * remains in charge of all else: the end, errors, and what is pushed back.
 *
 * Borrowed (docs/dependencies.md): `read` and `push` of the socket are replaced, and undici calls this `read`.
 */
export function readingConnector(options: SocketOptions): buildConnector.connector {
  return (where, callback) => {
    let reading: Reading | undefined;
    const onread = { buffer: arrival, callback: (length: number) => reading?.arrived(length) ?? true };
    socketConnector(options, onread)(where, (...outcome) => {
      // Nothing is read before the connection is announced, which is now. Of a failure undici gives no second argument.
      if (outcome[0] === null) reading = new Reading(outcome[1]);
      callback(...outcome);
    });
  };
}

/** What one read holds at most. It is copied before the next one. */
const arrival = Buffer.allocUnsafeSlow(65_536);

class Reading {
  readonly #socket: Socket;
  #taken: Buffer | null = null;
  #ended = false;

  constructor(socket: Socket) {
    const read = socket.read.bind(socket);
    const push = socket.push.bind(socket);
    this.#socket = socket;
    socket.push = (chunk: unknown, encoding) => {
      if (chunk === null) this.#ended = true;
      return push(chunk, encoding);
    };
    socket.read = (size) => {
      const taken = this.#taken;
      if (taken !== null && size === undefined) {
        this.#taken = null;
        return taken;
      }
      // undici asks several times a call, mostly for nothing.
      return size === undefined && !this.#ended && socket.readableLength === 0 ? null : read(size);
    };
  }

  /** False where the stream holds as much as it wants to: it asks for more by itself. */
  arrived(length: number): boolean {
    const chunk = Buffer.allocUnsafe(length);
    arrival.copy(chunk, 0, 0, length);
    if (this.#socket.readableLength > 0) return this.#socket.push(chunk);
    this.#taken = chunk;
    this.#socket.emit('readable');
    if (this.#taken === null) return true;
    this.#taken = null;
    return this.#socket.push(chunk);
  }
}
