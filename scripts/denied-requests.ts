// Compares what a denied request costs the service with what a served one costs: `npm run bench:denied`. The figures are
// CPU time of the process of `millrace serve`, user and system, of requests in turn over connections that stay open.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Requests of each kind. */
const requests = 10_000;
/** The kinds take turns, so that all of them have the same share of garbage collection and of a busy machine. */
const rounds = 4;
const connections = 4;
/** Records of a small stream: four kilobytes. */
const records = 200;

/** The other system of the lookup `far`. */
const far = createServer((_request, response) => response.end('{"name":"row"}')).listen(0, '127.0.0.1');
await once(far, 'listening');
const { port: farPort } = far.address() as AddressInfo;

const token = 'a-token-of-the-benchmark-0123456789';
const configuration = `
server:
  auth: { bearerTokens: [${token}, { name: other, token: other-${token} }] }
  log: { level: error }
lookups:
  t: { table: { file: rows.csv, key: id } }
  far: { http: { url: "http://127.0.0.1:${farPort}/{id}" } }
pipelines:
  open: { enrich: [{ lookup: t, with: { id: /id }, into: /row }] }
  calls: { enrich: [{ lookup: far, with: { id: /id }, into: /row }] }
  closed: { allow: { tokens: [other] }, enrich: [{ lookup: t, with: { id: /id }, into: /row }] }
`;

const body = Array.from({ length: records }, (_, index) => `{"id":"${index}","n":${index}}\n`).join('');
const post = (path: string, ...fields: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n');
const right = `Authorization: Bearer ${token}`;

const complete = /\r\nMillrace-Status: complete\r\n(?:[^\r]+\r\n)*\r\n$/;

/** What is sent, and the text that ends the answer. Each answer has a length or is chunked. */
const kinds = {
  [`served, ${records} calls`]: { request: post('/v1/enrich/calls', right), end: complete },
  [`served, ${records} rows`]: { request: post('/v1/enrich/open', right), end: complete },
  'no token (401)': { request: post('/v1/enrich/open'), end: /"code":"unauthorized"[^}]*\}$/ },
  'wrong token (401)': { request: post('/v1/enrich/open', `${right}x`), end: /"code":"unauthorized"[^}]*\}$/ },
  'token not allowed (403)': { request: post('/v1/enrich/closed', right), end: /"code":"forbidden"[^}]*\}$/ },
  'foreign page (403)': {
    request: post('/v1/enrich/open', right, 'Origin: http://elsewhere.example'),
    end: /"code":"forbidden_origin"[^}]*\}$/,
  },
  'other host (421)': {
    request: post('/v1/enrich/open', right).replace('Host: localhost', 'Host: rebound.example'),
    end: /"code":"misdirected"[^}]*\}$/,
  },
} as const;

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** CPU time of a process so far, in microseconds; Linux only (proc(5)). */
function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

/** Sends a request on a connection as often as `left` allows, each when the answer to the one before is complete. */
function sendAll(socket: Socket, { request, end }: (typeof kinds)[keyof typeof kinds], left: { count: number }) {
  return new Promise<void>((resolve, reject) => {
    let received = '';
    const next = (): void => {
      if (left.count-- > 0) return void socket.write(request);
      socket.removeAllListeners('data').removeAllListeners('close');
      resolve();
    };
    socket.on('data', (text) => {
      received += text;
      if (!end.test(received)) return;
      received = '';
      next();
    });
    socket.once('close', () => reject(new Error(`the service closed a connection after: ${received.slice(0, 500)}`)));
    next();
  });
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-denied-'));
writeFileSync(join(folder, 'millrace.yaml'), configuration);
writeFileSync(
  join(folder, 'rows.csv'),
  `id,name\n${Array.from({ length: records }, (_, id) => `${id},row ${id}\n`).join('')}`,
);
const main = join(import.meta.dirname, '../src/cli/main.ts');
const flags = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0'];
const service = spawn(process.execPath, [main, 'serve', '-c', join(folder, 'millrace.yaml'), ...flags], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
try {
  const [line] = await once(service.stderr.setEncoding('utf8'), 'data');
  const port = Number(/listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(String(line))?.[1]);
  const sockets = Array.from({ length: connections }, () => connect(port, '127.0.0.1').setEncoding('latin1'));
  const cpuOf = async (kind: (typeof kinds)[keyof typeof kinds], count: number): Promise<number> => {
    const left = { count };
    const begun = cpuMicros(service.pid ?? 0);
    await Promise.all(sockets.map((socket) => sendAll(socket, kind, left)));
    return (cpuMicros(service.pid ?? 0) - begun) / count;
  };
  const micros = new Map<string, number>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, kind] of Object.entries(kinds)) {
      // One kind after the other: they share the machine.
      // oxlint-disable-next-line no-await-in-loop
      const cpu = await cpuOf(kind, requests / rounds);
      // Round 0 is not counted: the code is compiled in it.
      if (round > 0) micros.set(name, (micros.get(name) ?? 0) + cpu / rounds);
    }
  }
  const [served = NaN] = micros.values();
  for (const [name, cpu] of micros) {
    process.stdout.write(`${name.padEnd(26)}${cpu.toFixed(0).padStart(6)} µs  ratio ${(cpu / served).toFixed(3)}\n`);
  }
  for (const socket of sockets) socket.destroy();
} finally {
  service.kill('SIGTERM');
  far.closeAllConnections();
  far.close();
  rmSync(folder, { recursive: true });
}
