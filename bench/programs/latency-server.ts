import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { work } from '../worker.ts';

/**
 * Answers `GET /wait/<microseconds>` after that time, late by some tenths of a millisecond at most on a quiet machine,
 * and takes about a third of a core for 10,000 answers a second. Node's own timers are a millisecond and more too
 * coarse: one thread reads, and another sleeps until just before the next answer is due, turns for the rest, and
 * writes the answer itself, because to wake the first would cost as much again.
 *
 *     main thread                    shared memory                        answering thread
 *     socket -> GET /wait/10000      ring  [ due, fd | due, fd | ... ]    heap      [ due 3 ]
 *               appends, and wakes   begun   how many were appended       (least  [ due 5 | due 4 ]
 *               an answer due before asleepUntil                          first)  writes to fd
 *
 * Requests without a body, one after the other on a connection. A client that leaves before its answer spoils the run.
 */
const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}',
);
/** To wake a thread takes about this long; who sleeps until the moment itself is late by it. */
const turnMs = 0.1;
/** Far more than the connections of any client here, each of which has one call under way. */
const ringLength = 4096;

const memory: unknown = isMainThread ? new SharedArrayBuffer(16 + ringLength * 12) : workerData;
if (!(memory instanceof SharedArrayBuffer)) throw new TypeError('the answering thread was given no shared memory');
const begun = new Int32Array(memory, 0, 1);
const asleepUntil = new Float64Array(memory, 8, 1);
const dueRing = new Float64Array(memory, 16, ringLength);
const fdRing = new Int32Array(memory, 16 + ringLength * 8, ringLength);

/** Milliseconds of the one clock that both threads see; `performance.now` starts anew in each. */
function nowMs(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1000 + nanos / 1e6;
}

/** Node says a socket's descriptor nowhere but in its handle. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) throw new TypeError('the socket has no descriptor');
  return fd;
}

async function listen(): Promise<number> {
  let count = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    const fd = descriptorOf(socket);
    let rest = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      rest += chunk;
      for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
        const due = nowMs() + (Number.parseInt(rest.slice('GET /wait/'.length), 10) || 0) / 1000;
        dueRing[count % ringLength] = due;
        fdRing[count % ringLength] = fd;
        Atomics.store(begun, 0, ++count);
        if (due < (asleepUntil[0] ?? 0)) Atomics.notify(begun, 0);
        rest = rest.slice(end + 4);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const heap: { readonly due: number; readonly fd: number }[] = [];
const dueAt = (at: number): number => heap[at]?.due ?? Infinity;

function answerForever(): never {
  for (let taken = 0; ;) {
    for (const until = Atomics.load(begun, 0); taken < until; taken++)
      push(dueRing[taken % ringLength] ?? 0, fdRing[taken % ringLength] ?? -1);
    while (dueAt(0) <= nowMs()) writeSync(shift(), answer);
    const sleepMs = dueAt(0) - nowMs() - turnMs;
    if (sleepMs <= 0) continue;
    // Said before it waits: what is appended from here on either wakes it, or keeps the wait from beginning.
    asleepUntil[0] = dueAt(0);
    Atomics.wait(begun, 0, taken, sleepMs);
  }
}

function push(due: number, fd: number): void {
  const added = { due, fd };
  let at = heap.push(added) - 1;
  for (let parent = (at - 1) >> 1; at > 0 && dueAt(parent) > due; parent = (at - 1) >> 1) {
    heap[at] = heap[parent] ?? added;
    at = parent;
  }
  heap[at] = added;
}

function shift(): number {
  const fd = heap[0]?.fd ?? -1;
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return fd;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const least = dueAt(left + 1) < dueAt(left) ? left + 1 : left;
    if (dueAt(least) >= last.due) break;
    heap[at] = heap[least] ?? last;
    at = least;
  }
  heap[at] = last;
  return fd;
}

if (isMainThread) {
  new Worker(new URL(import.meta.url), { workerData: memory }).unref();
  work(() => ({}), { port: await listen() });
} else {
  answerForever();
}
