import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const flags = { endStream: 1, ack: 1, endHeaders: 4 };

/** Bytes that a client sends before its first frame. */
export const PREFACE_BYTES = 24;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The bytes of one frame (RFC 9113, section 4.1). */
export function frame(type: number, flag: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field that no table is used for (RFC 7541, section 6.2.2). Names and values have fewer than 127 characters. */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

export function headFields(path: string, ...more: readonly Buffer[]): Buffer {
  return Buffer.concat([
    field(':method', 'POST'),
    field(':scheme', 'http'),
    field(':path', path),
    field(':authority', 'localhost'),
    ...more,
  ]);
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A client that sends exactly the frames that the test writes, acknowledges settings, and keeps what it receives. */
export class FrameClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  closed = false;
  #rest = Buffer.alloc(0);
  #changed: (() => void)[] = [];

  /** Called for each request, if the other end is a client. */
  onHeaders = (_stream: number): void => {};
  /** Bytes to skip: the preface, if the other end is a client. */
  #skipped: number;

  constructor(socket: Socket, skip = 0) {
    this.socket = socket;
    this.#skipped = skip;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#change();
    });
  }

  /** Sends the preface and empty settings. */
  static async open(port: number): Promise<FrameClient> {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    const client = new FrameClient(socket);
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    client.send(frameTypes.settings, 0, 0);
    return client;
  }

  send(type: number, flag: number, stream: number, payload?: Uint8Array): void {
    this.socket.write(frame(type, flag, stream, payload));
  }

  /** Resolves with the first frame of this type and stream. */
  async frame(type: number, stream: number): Promise<Frame> {
    for (;;) {
      const found = this.frames.find((one) => one.type === type && one.stream === stream);
      if (found !== undefined) return found;
      if (this.closed) throw new Error(`closed before frame ${type} of stream ${stream}`);
      await this.next();
    }
  }

  text(stream: number): string {
    const data = this.frames.filter((one) => one.type === frameTypes.data && one.stream === stream);
    return Buffer.concat(data.map(({ payload }) => payload)).toString();
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await this.next();
  }

  #read(chunk: Buffer): void {
    let rest = Buffer.concat([this.#rest, chunk]);
    const skip = Math.min(this.#skipped, rest.length);
    this.#skipped -= skip;
    rest = rest.subarray(skip);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const read = {
        type: rest[3] ?? 0,
        flags: rest[4] ?? 0,
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, end),
      };
      this.frames.push(read);
      if (read.type === frameTypes.settings && read.flags === 0) this.send(frameTypes.settings, flags.ack, 0);
      if (read.type === frameTypes.headers) this.onHeaders(read.stream);
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    this.#change();
  }

  /** Resolves when something has arrived, or the connection is closed. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
