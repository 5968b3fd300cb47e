import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { addressBytes, procQueues, type QueuedBytes, sharedReads } from '../../../src/http/connection/kernel-queues.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function socketOf(localAddress: string, localPort: number, remoteAddress: string, remotePort: number): Socket {
  const socket = new Socket();
  for (const [name, value] of Object.entries({ localAddress, localPort, remoteAddress, remotePort }))
    Object.defineProperty(socket, name, { value });
  return socket;
}

/** An address as the kernel of this machine writes it. */
function shown(bytes: readonly number[]): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.slice(4 * at, 4 * at + 4));
  return words.map((word) => Buffer.from(endianness() === 'LE' ? word.toReversed() : word).toString('hex')).join('');
}

const row = (place: number, local: string, remote: string, queues: string): string =>
  `${String(place).padStart(4)}: ${local} ${remote} 01 ${queues} 01:00000014 00000000     0        0 7 1 00 20 4 0 10 -1\n`;
const local4 = `${shown([127, 0, 0, 1])}:1F90`.toUpperCase();

test('queues are found by both ends of a connection, in a table of any length', async () => {
  const rows = Array.from({ length: 20_000 }, (_, place) =>
    row(place, local4, `${shown([10, 0, place >> 8, place & 255])}:ABCD`.toUpperCase(), `${hex8(place)}:${hex8(3)}`),
  );
  const folder = folderOf({ tcp: head + rows.join('') });
  const sockets = [0, 1, 999, 12_345, 19_999].map((place) =>
    socketOf('127.0.0.1', 8080, `10.0.${place >> 8}.${place & 255}`, 0xabcd),
  );
  const queues = await procQueues(folder).read([...sockets, socketOf('127.0.0.1', 8081, '10.0.0.1', 0xabcd)]);
  expect(sockets.map((socket) => queues.get(socket)?.unsent)).toEqual([0, 1, 999, 12_345, 19_999]);
  expect(queues.size).toBe(5);
});

test.each([
  ['::1', Array.from({ length: 16 }, (_, at) => (at === 15 ? 1 : 0))],
  ['::ffff:127.0.0.1', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1]],
  ['fe80::a:b%eth0', [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 11]],
  ['2001:db8:1:2:3:4:5:6', [0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]],
])('queues of IPv6, and of IPv4 mapped into it, are in the table of IPv6: %s', async (address, bytes) => {
  const end = `${shown(bytes)}:0050`.toUpperCase();
  const folder = folderOf({ tcp: head, tcp6: head + row(0, end, end, '0000000A:0000000B') });
  const socket = socketOf(address, 80, address, 80);
  expect((await procQueues(folder).read([socket])).get(socket)).toEqual({ unsent: 10, unread: 11 });
});

test('every address in the spelling of Node.js has its bytes', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const url = new URL(`http://[${address}]/`).hostname.slice(1, -1);
      expect(addressBytes(address)).toEqual(addressBytes(url));
      expect(addressBytes(address)).toHaveLength(16);
    }),
  );
  expect(addressBytes('no address')).toBeUndefined();
});

test('there are none if the system shows none, for a closed connection, and for an incomplete row', async () => {
  const socket = socketOf('127.0.0.1', 8080, '127.0.0.1', 1);
  expect(await procQueues('/nowhere').read([socket, new Socket()])).toEqual(new Map());
  const folder = folderOf({ tcp: `${head}   0: ${local4}` });
  expect(await procQueues(folder).read([socket, new Socket()])).toEqual(new Map());
});

/** Both ends of a real connection: the address that the server listens on, and the one that the client connects to. */
async function connected(listenOn: string, over: string): Promise<{ server: Socket; client: Socket }> {
  const listener: Server = createServer({ pauseOnConnect: true });
  listener.listen(0, listenOn);
  await once(listener, 'listening');
  const address = listener.address();
  const client = connect(typeof address === 'object' && address !== null ? address.port : 0, over);
  const [server] = (await once(listener, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { server, client };
}

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::', '127.0.0.1'],
  ['::1', '::1'],
])(
  'on a real connection to %s over %s they are the bytes written and not read, in both directions',
  async (on, over) => {
    const { server, client } = await connected(on, over);
    const queues = procQueues();
    // Only Linux shows queues.
    const seen = async (wanted: (bytes: QueuedBytes) => boolean): Promise<boolean> => {
      for (;;) {
        const bytes = (await queues.read([server])).get(server);
        if (bytes === undefined) return !existsSync('/proc/net/tcp');
        if (wanted(bytes)) return true;
        await turn();
      }
    };
    client.pause();
    client.write('12345');
    expect(await seen(({ unread }) => unread === 5)).toBe(true);
    const block = Buffer.alloc(1 << 20);
    while (server.writableLength < 1 << 20) {
      server.write(block);
      await turn();
    }
    expect(await seen(({ unsent }) => unsent > 100_000)).toBe(true);
    client.resume();
    expect(await seen(({ unsent }) => unsent === 0)).toBe(true);
  },
);

function hex8(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

test('a thousand calls in one turn share one read, and those that come during it share the next', async () => {
  const reads: { readonly sockets: readonly Socket[]; readonly answer: () => void }[] = [];
  const bytes: QueuedBytes = { unsent: 1, unread: 2 };
  const queues = sharedReads({
    read: (sockets) =>
      new Promise((resolve) => {
        reads.push({ sockets, answer: () => resolve(new Map(sockets.map((socket) => [socket, bytes]))) });
      }),
  });
  const ask = (): readonly (readonly [Socket, Promise<ReadonlyMap<Socket, QueuedBytes>>])[] =>
    Array.from({ length: 1000 }, () => {
      const socket = new Socket();
      return [socket, queues.read([socket])] as const;
    });
  const first = ask();
  await turn();
  const [second, third] = [ask(), ask()];
  await turn();
  expect(reads.map(({ sockets }) => sockets.length)).toEqual([1000]);
  reads[0]?.answer();
  for (const [socket, result] of first) expect((await result).get(socket)).toBe(bytes);
  await turn();
  expect(reads.map(({ sockets }) => sockets.length)).toEqual([1000, 2000]);
  reads[1]?.answer();
  for (const [socket, result] of [...second, ...third]) expect((await result).get(socket)).toBe(bytes);
  expect(reads).toHaveLength(2);
});
