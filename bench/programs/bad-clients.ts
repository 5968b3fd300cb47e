import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { numberOf, work } from '../worker.ts';

/**
 * Clients of a service that misbehave, as many as the order says, until the next order ends them. A client whose
 * connection is closed, by itself or by the service, begins again half a minute later at most. All of them together are idle most
 * of the time: this process must not take the processor from the service and from its healthy client.
 */
interface Kind {
  begin(socket: Socket): void;
  /** Called once a second while the connection is open. */
  tick?(socket: Socket): void;
}

/** How long a client whose connection was closed waits, on average. */
const pauseMs = 20_000;
const ticksPerSecond = 10;

const line = '{"n":1,"origin":"SFO"}\n';
const bomb = gzipSync(Buffer.alloc(20_000_000));
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const longLines = chunk(`{"origin":"SFO","more":"${'x'.repeat(10_000)}"}\n`.repeat(40));

function head(socket: Socket, fields: string, query = ''): void {
  socket.write(`POST /v1/enrich/flights${query} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n\r\n`);
}

const chunked = (socket: Socket, query?: string): void => head(socket, 'Transfer-Encoding: chunked', query);

const kinds: readonly Kind[] = [
  // Slowloris: a head that never ends.
  {
    begin: (socket) => void socket.write('POST /v1/enrich/flights HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
    tick: (socket) => void socket.write('x'),
  },
  // A slow sender: a byte of a record at a time.
  {
    begin(socket) {
      chunked(socket);
      socket.write(chunk('{"origin":"'));
    },
    tick: (socket) => void socket.write(chunk('x')),
  },
  // A slow reader, of more output than the buffers of the system take.
  {
    begin(socket) {
      chunked(socket, '?duplex=full');
      socket.pause();
      for (let block = 0; block < 4; block++) socket.write(longLines);
    },
    tick(socket) {
      socket.once('data', () => socket.pause());
      socket.resume();
    },
  },
  // A half-close in the middle of the body.
  {
    begin(socket) {
      chunked(socket);
      socket.end('5\r\n{"ori');
    },
  },
  // A close as soon as some records are sent.
  {
    begin(socket) {
      chunked(socket);
      socket.write(chunk(line.repeat(100)));
      socket.destroySoon();
    },
  },
  // A reset in the middle of the body.
  {
    begin(socket) {
      chunked(socket);
      socket.write(`ffff\r\n${line}`, () => socket.resetAndDestroy());
    },
  },
  // A bomb.
  {
    begin(socket) {
      head(socket, `Content-Encoding: gzip\r\nContent-Length: ${bomb.length}`);
      socket.write(bomb);
    },
  },
];

class Crowd {
  /** Connections that were opened. */
  began = 0;
  readonly #port: number;
  readonly #open = new Map<Socket, Kind>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #turn = 0;
  readonly #ticks = setInterval(() => this.#tick(), 1000 / ticksPerSecond);

  constructor(port: number) {
    this.#port = port;
  }

  get open(): number {
    return this.#open.size;
  }

  async begin(place: number): Promise<void> {
    const kind = kinds[place % kinds.length];
    if (kind === undefined) return;
    const socket = connect(this.#port, '127.0.0.1');
    this.#open.set(socket, kind);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      const pause = setTimeout(
        () => {
          this.#pauses.delete(pause);
          void this.begin(place).catch(() => {});
        },
        pauseMs * (0.5 + Math.random()),
      );
      this.#pauses.add(pause);
    });
    if (kind.tick === undefined) socket.resume();
    await once(socket, 'connect');
    this.began++;
    kind.begin(socket);
  }

  end(): void {
    clearInterval(this.#ticks);
    for (const socket of this.#open.keys()) socket.removeAllListeners('close').destroy();
    for (const pause of this.#pauses) clearTimeout(pause);
  }

  /** A part of the clients at a time, so that their bytes do not come all at once. */
  #tick(): void {
    this.#turn = (this.#turn + 1) % ticksPerSecond;
    let place = 0;
    for (const [socket, kind] of this.#open) {
      if (place++ % ticksPerSecond === this.#turn && socket.writable) kind.tick?.(socket);
    }
  }
}

let crowd: Crowd | undefined;

work(async (order) => {
  const [clients, port] = [numberOf(order, 'clients'), numberOf(order, 'port')];
  const [open, began] = [crowd?.open ?? 0, crowd?.began ?? 0];
  crowd?.end();
  crowd = clients > 0 ? new Crowd(port) : undefined;
  for (let place = 0; place < clients; place++) await crowd?.begin(place);
  return { open, began };
});
