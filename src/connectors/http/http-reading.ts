import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { socketConnector, type SocketOptions } from './http-socket.ts';

/**
 * Sockets of plain HTTP/1.1 whose bytes reach undici's parser in the turn in which they are read.
 *
 *     kernel ──▶ arrival (one for all sockets) ──copy──▶ taken ──'readable'──▶ undici: read(), parsed at once
 *                                                          └── unread bytes: push(), the stream's own buffer
 *
 * A stream allocates 64 KiB for each read, buffers the bytes and emits `readable` a tick later: that is 5 to 9 % of a
 * call. The stream still handles the end, errors and bytes that undici puts back.
 *
 * Borrowed (docs/dependencies.md): `read` and `push` of the socket are replaced, and undici calls this `read`.
 */
export function readingConnector(options: SocketOptions): buildConnector.connector {
  return (where, callback) => {
    let reading: Reading | undefined;
    const onread = { buffer: arrival, callback: (length: number) => reading?.arrived(length) ?? true };
    socketConnector(options, onread)(where, (...outcome) => {
      // Nothing is read before this callback. After a failure undici gives no second argument.
      if (outcome[0] === null) reading = new Reading(outcome[1]);
      callback(...outcome);
    });
  };
}

/** The buffer of one read. Its bytes are copied before the next read. */
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
      // undici calls `read` several times a call, mostly without unread bytes.
      return size === undefined && !this.#ended && socket.readableLength === 0 ? null : read(size);
    };
  }

  /** False if the buffer of the stream is full: the stream then reads again by itself. */
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
