import { open } from 'node:fs/promises';
import { isIPv4, isIPv6, type Socket } from 'node:net';
import { endianness } from 'node:os';
import { join } from 'node:path';

/** What the kernel holds of one connection. */
export interface QueuedBytes {
  /** Written by this process, and not yet acknowledged by the other end: sent or not. */
  readonly unsent: number;
  /** Sent by the other end, and not yet read by this process. */
  readonly unread: number;
}

/** Where the queues of the kernel can be read. */
export interface KernelQueues {
  /**
   * The queues of these connections. One that the kernel does not show is missing from the result; all are where the
   * system does not show any. Never rejects.
   */
  read(sockets: readonly Socket[]): Promise<ReadonlyMap<Socket, QueuedBytes>>;
}

/** More than a read of a file under /proc gives at once, which is one page. */
const BUFFER_BYTES = 16 * 1024;
/** In a row: `sl: local_address rem_address st tx_queue:rx_queue …`, of which the state and each queue are this long. */
const STATE_CHARS = 2;
const QUEUE_CHARS = 8;

/**
 * Linux: `tx_queue` and `rx_queue` of /proc/net/tcp and tcp6, which show the connections of the network namespace of
 * this process.
 *
 *     0: 0100007F:1F90 0100007F:D431 01 0038B200:00000000 01:00000014 …
 *        local         remote        st tx       rx
 *
 * The kernel makes a row for every connection of the host or container, some 10 ms for a thousand of them. So they are
 * read in the thread pool, page by page, all sockets in one pass, and only the rows of a page are parsed at once.
 */
export function procQueues(folder = '/proc/net'): KernelQueues {
  return {
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
  };
}

/** Where the kernel's queues are not looked at. */
export const noQueues: KernelQueues = { read: () => Promise.resolve(new Map()) };

async function readTable(
  path: string,
  wanted: ReadonlyMap<string, Socket>,
  found: Map<Socket, QueuedBytes>,
): Promise<void> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    let rest = '';
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop
      const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, null);
      if (bytesRead === 0) return;
      const rows = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = rows.pop() ?? '';
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

/** The two addresses of a connection as the kernel writes them; undefined if it has none any more. */
function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  const local = endOf(localAddress, localPort);
  const remote = endOf(remoteAddress, remotePort);
  return local === undefined || remote === undefined ? undefined : `${local} ${remote}`;
}

function endOf(address: string | undefined, port: number | undefined): string | undefined {
  const bytes = address === undefined ? undefined : addressBytes(address);
  if (bytes === undefined || port === undefined) return undefined;
  let text = '';
  // Each 32 bits of the address are written as a number of the machine.
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
 * The 4 bytes of an IPv4 address, the 16 of an IPv6 address, in the order of the network; undefined if the text is
 * neither. An IPv4 address that is mapped into IPv6 (`::ffff:127.0.0.1`) has 16; a zone (`%eth0`) is left out.
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
