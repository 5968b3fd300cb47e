import { open } from 'node:fs/promises';
import { isIPv4, isIPv6, type Socket } from 'node:net';
import { endianness } from 'node:os';
import { join } from 'node:path';

/** Bytes of one connection that the kernel holds. */
export interface QueuedBytes {
  /** Bytes that this process has written and the other end has not acknowledged, sent or not. */
  readonly unsent: number;
  /** Bytes that have arrived and that this process has not read. */
  readonly unread: number;
}

/** Reads the queues of the kernel. */
export interface KernelQueues {
  /**
   * The queues of these connections. A connection that the kernel does not show is missing from the result; on a system
   * that shows none, all are missing. Never rejects. `begins` is called when the read begins, if it waits for another one.
   */
  read(sockets: readonly Socket[], begins?: () => void): Promise<ReadonlyMap<Socket, QueuedBytes>>;
}

/** One read of a file under /proc returns at most one page, which is smaller. */
const BUFFER_BYTES = 16 * 1024;
/** The lengths of the state and of each queue in a row `sl: local_address rem_address st tx_queue:rx_queue …`. */
const STATE_CHARS = 2;
const QUEUE_CHARS = 8;

/**
 * Linux: `tx_queue` and `rx_queue` of /proc/net/tcp and tcp6, which show the connections of the network namespace of
 * this process.
 *
 *     0: 0100007F:1F90 0100007F:D431 01 0038B200:00000000 01:00000014 …
 *        local         remote        st tx       rx
 *
 * The kernel makes a row for every connection of the host or container, which takes some 10 ms for a thousand of them.
 * So the table is read in the thread pool, page by page, once for all sockets and all callers, and the event loop parses
 * one page at a time.
 */
export function procQueues(folder = '/proc/net'): KernelQueues {
  return sharedReads({
    async read(sockets) {
      const found = new Map<Socket, QueuedBytes>();
      const wanted = { tcp: new Map<string, Socket>(), tcp6: new Map<string, Socket>() };
      for (const socket of sockets) {
        const key = keyOf(socket);
        if (key !== undefined) wanted[key.length === KEY_CHARS_V4 ? 'tcp' : 'tcp6'].set(key, socket);
      }
      for (const [name, keys] of Object.entries(wanted)) {
        if (keys.size > 0) await readTable(join(folder, name), keys, found).catch(() => {});
      }
      return found;
    },
  });
}

interface SharedRead {
  readonly sockets: Set<Socket>;
  readonly begins: (() => void)[];
  readonly result: ReturnType<KernelQueues['read']>;
}

/**
 * Calls that come in one turn of the event loop, or while a read is under way, share one read. A thousand streams that
 * become idle together would otherwise read a table of a thousand rows a thousand times, and more slowly than they ask.
 */
export function sharedReads(queues: KernelQueues): KernelQueues {
  let running: Promise<unknown> = Promise.resolve();
  let next: SharedRead | undefined;
  return {
    read(sockets, begins) {
      if (next === undefined) {
        const wanted = new Set<Socket>();
        const hooks: (() => void)[] = [];
        const result = running.then(() => {
          next = undefined;
          for (const hook of hooks) hook();
          return queues.read([...wanted]);
        });
        next = { sockets: wanted, begins: hooks, result };
        running = result;
      }
      for (const socket of sockets) next.sockets.add(socket);
      if (begins !== undefined) next.begins.push(begins);
      return next.result;
    },
  };
}

/** Reads nothing: no connection is shown. */
export const noQueues: KernelQueues = { read: () => Promise.resolve(new Map()) };

async function readTable(
  path: string,
  wanted: ReadonlyMap<string, Socket>,
  found: Map<Socket, QueuedBytes>,
): Promise<void> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    let partialRow = '';
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, null);
      if (bytesRead === 0) return;
      const rows = (partialRow + buffer.toString('latin1', 0, bytesRead)).split('\n');
      partialRow = rows.pop() ?? '';
      for (const row of rows) takeRow(row, wanted, found);
    }
  } finally {
    await file.close();
  }
}

function takeRow(row: string, wanted: ReadonlyMap<string, Socket>, found: Map<Socket, QueuedBytes>): void {
  const start = row.indexOf(': ') + 2;
  const state = row.indexOf(' ', row.indexOf(' ', start) + 1) + 1;
  const socket = wanted.get(row.slice(start, state - 1));
  if (socket === undefined) return;
  const unsent = state + STATE_CHARS + 1;
  const unread = unsent + QUEUE_CHARS + 1;
  found.set(socket, {
    unsent: Number.parseInt(row.slice(unsent, unsent + QUEUE_CHARS), 16),
    unread: Number.parseInt(row.slice(unread, unread + QUEUE_CHARS), 16),
  });
}

/** Two addresses and ports in hexadecimal digits: `0100007F:1F90 0100007F:C350`. */
const KEY_CHARS_V4 = 2 * (8 + 1 + 4) + 1;

/** The two addresses of a connection as the kernel writes them; undefined if the connection is closed. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  const local = endOf(localAddress, localPort);
  const remote = endOf(remoteAddress, remotePort);
  return local === undefined || remote === undefined ? undefined : `${local} ${remote}`;
}

function endOf(address: string | undefined, port: number | undefined): string | undefined {
  const bytes = address === undefined ? undefined : addressBytes(address);
  if (bytes === undefined || port === undefined) return undefined;
  let text = '';
  // The kernel writes each 32 bits of the address as a number in the byte order of the machine.
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.subarray(at, at + 4);
    text += hex(endianness() === 'LE' ? word.toReversed() : word);
  }
  return `${text}:${hex(Uint8Array.of(port >> 8, port & 0xff))}`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

/**
 * The 4 bytes of an IPv4 address or the 16 bytes of an IPv6 address, in network byte order; undefined if the text is
 * neither. An IPv4 address mapped into IPv6 (`::ffff:127.0.0.1`) has 16 bytes. A zone (`%eth0`) is ignored.
 */
export function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address)) return undefined;
  const text = address.replace(/%.*$/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = '', after] = text.split('::');
  const head = groupsOf(before);
  const tail = groupsOf(after ?? '');
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
