import type { Server, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { HttpClient } from '../../../../../src/connectors/http/client/http-client.ts';
import { MalformedAnswer } from '../../../../../src/connectors/http/client/malformed-answer.ts';
import { exchangeFailure } from '../../../../../src/connectors/http/http-failure.ts';
import { HttpPool } from '../../../../../src/connectors/http/http-pool.ts';
import { type Arrived, type Certificate, type Protocol, rawServer } from '../both-ends.ts';
import { RecordedCall } from '../recorded-call.ts';

/** What the server does besides writing its first answer. Poison is an answer that no call has asked for. */
export const faults = [
  'none',
  'end within the answer',
  'end after the answer',
  'reset within the answer',
  'reset after the answer',
  'poison with the end of the answer',
  'poison behind the answer',
  'poison while the connection is idle',
  'poison before the next request is sent',
  'poison after the next request is sent',
] as const;

/** What happens on the first connection. */
export interface Scenario {
  readonly fault: (typeof faults)[number];
  /** All that is written as the answer to the first call. */
  readonly text: string;
  /** Its pieces: each is written in a turn of its own. */
  readonly pieces: readonly Uint8Array[];
}

/** What the caller sees of one call. */
export interface SeenCall {
  readonly status?: number;
  readonly body: string;
  /** Code of the RecordError that the lookup reports; undefined if the answer is whole. */
  readonly code?: string;
  /** Name and message of the error. */
  readonly error?: string;
  readonly malformed?: string;
}

export interface Seen {
  readonly first: SeenCall;
  readonly second: SeenCall;
  readonly third: SeenCall;
  /** Whether the request of the second call came over the first connection. */
  readonly reused: boolean;
  /** Requests that the server has received. */
  readonly requests: readonly string[];
}

const answer = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
export const own = (path: string): string => `own ${path}`;
export const poisoned = 'poison';
export const poison = answer(poisoned);

class PooledRecord extends RecordedCall {
  readonly #pool: HttpPool;
  error: Error | undefined = undefined;

  constructor(path: string, pool: HttpPool) {
    super(path);
    this.#pool = pool;
    pool.start(this);
  }

  override ended(): void {
    this.#pool.release(this);
    super.ended();
  }

  override failed(error: Error): void {
    this.error = error;
    this.#pool.release(this);
    super.failed(error);
  }

  get seen(): SeenCall {
    const { error, head, settled } = this;
    if (!settled) return { body: '', code: 'never ends' };
    const status = head === undefined ? {} : { status: head.status };
    if (error === undefined) return { ...status, body: this.text };
    return {
      ...status,
      body: '',
      code: exchangeFailure('', '', error).code,
      error: `${error.name}: ${error.message}`,
      ...(error instanceof MalformedAnswer && { malformed: error.message }),
    };
  }
}

/** A server and the clients that connect to it, for one scenario after the other. */
export interface Lane {
  readonly server: Server;
  onRequest: (request: Arrived) => void;
  readonly createClient: (resize: (slots: number) => void) => HttpClient;
}

export async function openLane(
  protocol: Protocol,
  certificate: Certificate,
  createClients: (origin: string) => { create(resize: (slots: number) => void): HttpClient },
): Promise<Lane> {
  let lane: Lane | undefined;
  const server = rawServer(protocol, certificate, (request) => lane?.onRequest(request));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const clients = createClients(`${protocol}://127.0.0.1:${port}`);
  lane = { server, onRequest: () => {}, createClient: (resize) => clients.create(resize) };
  return lane;
}

async function turns(count: number, until: () => boolean = () => false): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  for (let done = 0; done < count && !until(); done += 1) await turn();
}

/** Turns in which what was written arrives, also through TLS. */
const arrivalTurns = 6;
/** A call that has not ended by then never ends. */
const patience = 500;

/** Three calls, one after the other, over a pool of one connection. */
export async function play(lane: Lane, { fault, pieces }: Scenario): Promise<Seen> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const firstRequest = Promise.withResolvers<Arrived>();
  const reusedBy = new Set<string>();
  lane.onRequest = (request) => {
    const { path, socket } = request;
    requests.push(path);
    if (sockets.has(socket)) reusedBy.add(path);
    sockets.add(socket);
    if (path === '/first') return firstRequest.resolve(request);
    if (path === '/second' && fault === 'poison after the next request is sent' && reusedBy.has(path))
      socket.write(poison);
    socket.write(answer(own(path)));
  };
  const pool = new HttpPool({ connections: 1, pipelining: 1, createClient: lane.createClient });
  const first = new PooledRecord('/first', pool);
  const { socket, reset } = await firstRequest.promise;
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece);
    // oxlint-disable-next-line no-await-in-loop
    await turn();
  }
  if (fault.startsWith('end')) socket.end();
  if (fault.startsWith('reset')) reset();
  await turns(arrivalTurns);
  if (!first.settled) socket.end();
  await turns(patience, () => first.settled);
  await turns(arrivalTurns);
  const calls = [first];
  for (const path of ['/second', '/third']) {
    if (!calls.every(({ settled }) => settled)) break;
    if (path === '/second' && fault === 'poison while the connection is idle') {
      socket.write(poison);
      // oxlint-disable-next-line no-await-in-loop
      await turns(arrivalTurns);
    }
    if (path === '/second' && fault === 'poison before the next request is sent') socket.write(poison);
    const call = new PooledRecord(path, pool);
    calls.push(call);
    // oxlint-disable-next-line no-await-in-loop
    await turns(patience, () => call.settled);
    // oxlint-disable-next-line no-await-in-loop
    await turns(arrivalTurns);
  }
  await pool.close();
  for (const each of sockets) each.destroy();
  const [one, two, three] = calls.map(({ seen }) => seen);
  const none: SeenCall = { body: '', code: 'never made' };
  return { first: one ?? none, second: two ?? none, third: three ?? none, reused: reusedBy.has('/second'), requests };
}
