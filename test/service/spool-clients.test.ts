import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LateReader, serveSpooling, untilNothingSpooled, untilOnDisk, untilState } from './spooling.ts';

const patient = 180_000;
const count = 30;
const records = 240;
/** Each client is killed as soon as so many bytes of its output are spooled, at most. The kernel holds less than the others. */
const mostBytes = 8_000_000;

/** Sends all its records, and reads nothing. */
const script = `
import socket, sys, time
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
client.connect(('127.0.0.1', int(sys.argv[1])))
print(client.getsockname()[1], flush=True)
line = b'{"key":"1"}\\n'
client.sendall(b'POST /v1/enrich/test?duplex=half HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000000\\r\\n\\r\\n')
for _ in range(${records}): client.sendall(line)
time.sleep(100000)`;

/** Descriptors of a process that are no sockets: a connection to the admin listener may still be open. */
function openFiles(pid: number): number {
  const fds = `/proc/${pid}/fd`;
  return readdirSync(fds).filter((fd) => {
    try {
      return !readlinkSync(join(fds, fd)).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

interface Client {
  readonly process: ChildProcess;
  /** The other end of its connection, as the service sees it. */
  readonly address: string;
  readonly killedAtBytes: number;
}

async function begin(port: number): Promise<Client> {
  const process = spawn('/usr/bin/python3', ['-c', script, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process.kill('SIGKILL'));
  const [line] = await once(process.stdout.setEncoding('utf8'), 'data');
  return { process, address: `127.0.0.1:${String(line).trim()}`, killedAtBytes: Math.random() * mostBytes };
}

test(
  'thirty clients that are killed while they spool leave no open file and no byte that counts',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling();
    const { service, pid } = spooling;
    const openBefore = openFiles(pid);
    const stays = await LateReader.open(spooling);
    stays.send(300);
    await untilOnDisk(spooling, 300);
    const clients = new Set<Client>();
    let begun = 0;
    const beginning = (async () => {
      for (; begun < count; begun += 1) clients.add(await begin(service.port));
    })();
    await untilState(spooling, ({ streams }) => {
      for (const client of clients) {
        const stream = streams.find((one) => one['client'] === client.address);
        if (stream === undefined || Number(stream['spooledBytes']) < client.killedAtBytes) continue;
        client.process.kill('SIGKILL');
        clients.delete(client);
      }
      return begun === count && clients.size === 0;
    });
    await beginning;
    await untilState(spooling, ({ streams }) => streams.length === 1);
    stays.end();
    expect(await stays.last()).toContain('Millrace-Written: 300');
    await untilNothingSpooled(spooling);
    const { admin } = service;
    expect(await admin.metric('millrace_spool_bytes')).toBe(0);
    expect(await admin.metric('millrace_spool_disk_bytes')).toBe(0);
    expect(await admin.metric('millrace_spool_streams')).toBe(0);
    expect(await admin.metric('millrace_memory_held_bytes')).toBe(0);
    expect(openFiles(pid)).toBeLessThanOrEqual(openBefore);
    await expect.poll(() => admin.metric('millrace_connections'), { timeout: patient }).toBe(0);
    expect(await admin.metric('millrace_spool_refused_total')).toBe(0);
    // Otherwise the test would prove nothing.
    expect(await admin.metric('millrace_spooled_bytes_total')).toBeGreaterThan(count * 1_000_000);
  },
);
