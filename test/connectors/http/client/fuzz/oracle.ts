import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Client } from 'undici';

/** What undici made of an answer. */
export interface OracleAnswer {
  readonly status?: number;
  readonly body: string;
  readonly whole: boolean;
  readonly reusable: boolean;
  readonly error?: string;
}

/** The socket of undici, whose other end is a script. */
class ScriptedSocket extends Duplex {
  readonly onRequest = Promise.withResolvers<void>();

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    this.onRequest.resolve();
    done();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** undici's client reads the pieces, each in a turn of its own, then the end of the stream. */
export async function askOracle(pieces: readonly Uint8Array[]): Promise<OracleAnswer> {
  const socket = new ScriptedSocket({ autoDestroy: true });
  socket.on('error', () => {});
  const client = new Client('http://127.0.0.1', {
    headersTimeout: 0,
    bodyTimeout: 0,
    // @ts-expect-error undici needs a stream, and declares a socket.
    connect: (_options, callback) => queueMicrotask(() => callback(null, socket)),
  });
  const body: Buffer[] = [];
  let status: number | undefined;
  let whole = false;
  let error: string | undefined;
  const ended = Promise.withResolvers<void>();
  client.dispatch(
    { method: 'GET', path: '/' },
    {
      onRequestStart() {},
      onResponseStart(_controller, code) {
        if (code >= 200) status = code;
      },
      onRequestUpgrade() {
        error = 'upgrade';
        ended.resolve();
      },
      onResponseData: (_controller, bytes) => void body.push(bytes),
      onResponseEnd() {
        whole = true;
        ended.resolve();
      },
      onResponseError(_controller, reason) {
        error = `${reason.name}: ${reason.message}`;
        ended.resolve();
      },
    },
  );
  await socket.onRequest.promise;
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.push(Buffer.from(piece));
    await turn();
  }
  await turn();
  await turn();
  const reusable = whole && !socket.destroyed && !client.destroyed;
  socket.push(null);
  await Promise.race([ended.promise, twentyTurns()]);
  await client.destroy();
  return {
    ...(status !== undefined && { status }),
    body: Buffer.concat(body).toString('latin1'),
    whole,
    reusable,
    ...(error !== undefined && { error }),
  };
}

/** An answer that undici neither takes nor refuses after the end of its stream counts as cut. */
async function twentyTurns(): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  for (let turns = 0; turns < 20; turns += 1) await turn();
}
