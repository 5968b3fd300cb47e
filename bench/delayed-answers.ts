import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/**
 * Answers `GET /wait/<microseconds>` after that time. Node's timers are too coarse (a millisecond and more), so the server
 * runs a busy loop while a call waits, and answers from a heap ordered by due time; an answer is late by some tens of
 * microseconds. It takes one core. Requests have no body, and are sent one after the other on a connection.
 *
 *     heap   [ due 3 ]            due(parent) <= due(child)
 *            [ due 5 | due 4 ]
 */
const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}',
);
const dueMs: number[] = [];
const sockets: Socket[] = [];

function push(due: number, socket: Socket): void {
  let at = dueMs.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const parentDue = dueMs[parent] ?? 0;
    if (parentDue <= due) break;
    dueMs[at] = parentDue;
    sockets[at] = sockets[parent] ?? socket;
    at = parent;
  }
  dueMs[at] = due;
  sockets[at] = socket;
}

function shift(): Socket | undefined {
  const first = sockets[0];
  const due = dueMs.pop();
  const socket = sockets.pop();
  if (due === undefined || socket === undefined || dueMs.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= dueMs.length) break;
    if (child + 1 < dueMs.length && (dueMs[child + 1] ?? 0) < (dueMs[child] ?? 0)) child++;
    const childDue = dueMs[child] ?? 0;
    if (childDue >= due) break;
    dueMs[at] = childDue;
    sockets[at] = sockets[child] ?? socket;
    at = child;
  }
  dueMs[at] = due;
  sockets[at] = socket;
  return first;
}

let turning = false;

function turn(): void {
  const now = performance.now();
  while ((dueMs[0] ?? Infinity) <= now) shift()?.write(answer);
  turning = dueMs.length > 0;
  if (turning) setImmediate(turn);
}

function serve(socket: Socket): void {
  let unread = '';
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    const now = performance.now();
    unread += chunk;
    for (let end = unread.indexOf('\r\n\r\n'); end >= 0; end = unread.indexOf('\r\n\r\n')) {
      const waitMicros = Number.parseInt(unread.slice('GET /wait/'.length), 10);
      push(now + (Number.isNaN(waitMicros) ? 0 : waitMicros / 1000), socket);
      unread = unread.slice(end + 4);
    }
    if (!turning) turn();
  });
}

/** Starts the server, and resolves with its port. */
export async function serveDelayedAnswers(): Promise<number> {
  const server = createServer({ noDelay: true }, serve);
  return await listen(server);
}

/** Listens on a free port of the loopback interface, and resolves with the port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
