import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect, trialLines } from '../../src/cli/connect.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Trial } from '../../src/pipeline/lookups/try-lookup.ts';
import { folderOf, Millrace } from '../service/serving.ts';

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A self-signed certificate for 127.0.0.1. */
function certificate(folder: string, name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`];
  const what = ['-days', '1', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-out', `${name}.crt`];
  execFileSync('openssl', ['req', '-x509', ...key, ...what], { cwd: folder, stdio: 'pipe' });
}

/** A configuration with these `lookups`. Its pipeline, which every configuration needs, uses another lookup, a table. */
function written(lookups: object, files: Readonly<Record<string, string>> = {}): string {
  const own = { table: { file: 'rows.csv', key: 'id' } };
  const config = {
    lookups: { ...lookups, own },
    pipelines: { p: { enrich: [{ lookup: 'own', with: { id: '/id' }, into: '/row' }] } },
  };
  return folderOf({ 'millrace.json': JSON.stringify(config), 'rows.csv': 'id,name\n1,one\n2,two\n', ...files });
}

interface Checked {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function check(folder: string, ...args: readonly string[]): Promise<Checked> {
  return checkIn({}, folder, ...args);
}

async function checkIn(env: NodeJS.ProcessEnv, folder: string, ...args: readonly string[]): Promise<Checked> {
  const millrace = new Millrace(['check', '-c', join(folder, 'millrace.json'), ...args], { env });
  const [code] = await millrace.ended;
  return { code, stdout: millrace.stdout, stderr: millrace.stderr };
}

/** Runs the command in this process. */
async function tried(folder: string, ...given: readonly string[]): Promise<Record<string, Trial>> {
  const loaded = loadConfig({ file: join(folder, 'millrace.json'), env: {}, flags: {}, checks: [] });
  const trials = await connect(loaded, given, () => {});
  return Object.fromEntries(trials.map((trial) => [trial.lookup, trial]));
}

const failed = (detail: unknown): unknown[] => ['failed', 'http', true, 'ms', detail];

describe('millrace check --connect', { timeout: 30_000 }, () => {
  test('connects to each lookup, sends no request, and says for each failure what to check', async () => {
    const requests: string[] = [];
    const listener: RequestListener = (request, response) => {
      requests.push(request.url ?? '');
      response.end('{}');
    };
    const folder = written({}, { 'module.mjs': '' });
    for (const name of ['server', 'stranger']) certificate(folder, name);
    const pem = (file: string): Buffer => readFileSync(join(folder, file));
    const shown = { cert: pem('server.crt'), key: pem('server.key') };
    const plain = await listening(createServer(listener));
    const secure = await listening(createTlsServer(shown, listener));
    const mutual = await listening(createTlsServer({ ...shown, ca: pem('stranger.crt'), requestCert: true }, listener));
    const silent = await listening(createTcpServer());
    const closed = await closedPort();
    const https = (port: number, ca?: string, own?: string): object => ({
      url: `https://127.0.0.1:${port}/{id}`,
      tls: {
        ...(ca && { ca: join(folder, ca) }),
        ...(own && { cert: join(folder, `${own}.crt`), key: join(folder, `${own}.key`) }),
      },
    });
    const lookups = {
      plain: { http: { url: `http://127.0.0.1:${plain}/{id}` } },
      secure: { http: https(secure, 'server.crt') },
      mutual: { http: https(mutual, 'server.crt', 'stranger') },
      untrusted: { http: https(secure, 'stranger.crt') },
      unnamed: { http: https(mutual, 'server.crt') },
      noTls: { http: https(plain) },
      silent: { http: https(silent), timeout: '300ms' },
      closed: { http: { url: `http://127.0.0.1:${closed}/{id}` } },
      unknown: { http: { url: 'http://nowhere.invalid/{id}' }, timeout: '10s' },
    };
    const { code, stdout, stderr } = await check(written(lookups), '--connect');
    expect(code).toBe(1);
    expect(requests).toEqual([]);
    expect(stdout).toContain(`url: http://127.0.0.1:${plain}/{id}`);
    const lines = new Map(
      stderr.split('\n').map((line) => {
        const [verdict, lookup = '', connector, ms, unit, ...detail] = line.split(/ +/);
        return [lookup, [verdict, connector, Number(ms) >= 0, unit, detail.join(' ')]];
      }),
    );
    const unreachable = (port: number, scheme: string, why: string): unknown =>
      failed(expect.stringContaining(`unreachable: cannot connect to ${scheme}://127.0.0.1:${port}: ${why}`));
    expect(Object.fromEntries(lines)).toMatchObject({
      plain: ['ok', 'http', true, 'ms', `connected to http://127.0.0.1:${plain}`],
      secure: ['ok', 'http', true, 'ms', `connected to https://127.0.0.1:${secure} with TLSv1.3`],
      mutual: ['ok', 'http', true, 'ms', `connected to https://127.0.0.1:${mutual} with TLSv1.3`],
      untrusted: unreachable(secure, 'https', 'its authority is not trusted: set tls.ca'),
      unnamed: unreachable(mutual, 'https', 'it asks for a certificate: set tls.cert and tls.key'),
      noTls: unreachable(plain, 'https', 'it does not speak TLS there'),
      silent: failed('timeout: no answer within 300 ms'),
      closed: unreachable(closed, 'http', 'nothing listens there'),
      unknown: failed(
        expect.stringMatching(/http:\/\/nowhere\.invalid: the (name is not known|resolver does not answer)/),
      ),
      own: ['ok', 'table', true, 'ms', 'read rows.csv: 2 rows'],
    });
  });

  test('without tls.ca, trusts the authorities of the system if NODE_OPTIONS has --use-system-ca', async () => {
    const files = folderOf({});
    certificate(files, 'server');
    const pem = (name: string): Buffer => readFileSync(join(files, name));
    const port = await listening(createTlsServer({ cert: pem('server.crt'), key: pem('server.key') }));
    const folder = written({ secure: { http: { url: `https://127.0.0.1:${port}/{id}` } } });
    const system = { SSL_CERT_FILE: join(files, 'server.crt') };
    const { stderr } = await checkIn(system, folder, '--connect');
    expect(stderr).toContain('its authority is not trusted: set tls.ca');
    expect(await checkIn({ ...system, NODE_OPTIONS: '--use-system-ca' }, folder, '--connect')).toMatchObject({
      code: 0,
    });
  });

  test('is ok with http:// to a port that expects TLS; a call says that the server closed the connection', async () => {
    const files = folderOf({});
    certificate(files, 'server');
    const pem = (name: string): Buffer => readFileSync(join(files, name));
    const port = await listening(createTlsServer({ cert: pem('server.crt'), key: pem('server.key') }));
    const url = `http://127.0.0.1:${port}/{id}`;
    const folder = written({ lean: { http: { url } }, undici: { http: { url, client: 'undici' } } });
    expect(await check(folder, '--connect')).toMatchObject({ code: 0 });
    const { code, stderr } = await check(folder, '--with', 'id=1');
    expect(code).toBe(1);
    const message = `unreachable: no complete answer from http://127.0.0.1:${port}: `;
    expect(stderr).toContain(`${message}it closed the connection before the answer was whole\n`);
    expect(stderr).toContain(`${message}UND_ERR_SOCKET: other side closed\n`);
  });

  test('exits with 0 if every lookup can be reached, after it has opened and closed each module', async () => {
    const proof = join(folderOf({}), 'proof');
    const source = `import { appendFileSync } from 'node:fs';
      const say = (word) => appendFileSync(${JSON.stringify(proof)}, word);
      export default class { open() { say('open ') } close() { say('close') } asyncInvoke() { say('invoked ') } }`;
    const folder = written({ mine: { module: { file: 'mine.mjs' } } }, { 'mine.mjs': source });
    const { code, stdout, stderr } = await check(folder, '--connect');
    expect(stderr).toContain('trying 2 lookups\n');
    expect(stderr).toMatch(/^ok {6}mine {2}module .* loaded and opened mine\.mjs\nok {6}own {3}table /m);
    expect([code, readFileSync(proof, 'utf8')]).toEqual([0, 'open close']);
    expect(stdout).toContain('pipelines:');
  });

  test('reports a table and a module that cannot be opened, and a module that does not close', async () => {
    const folder = written(
      {
        table: { table: { file: 'none.csv', key: 'id' } },
        open: { module: { file: 'open.mjs' } },
        close: { module: { file: 'close.mjs' } },
      },
      {
        'open.mjs': `export default class { open() { throw new Error('no licence') } asyncInvoke() {} }`,
        'close.mjs': `export default class { close() { throw new Error('it is stuck\\u001b[2J') } asyncInvoke() {} }`,
      },
    );
    const trials = await tried(folder);
    expect(trials).toMatchObject({
      table: { ok: false, detail: expect.stringMatching(/lookup "table": table none\.csv: ENOENT/) },
      open: { ok: false, detail: 'lookup "open": module open.mjs: open failed: no licence' },
      close: { ok: false, detail: expect.stringContaining('close failed: it is stuck') },
      own: { ok: true, connector: 'table', tried: 'reach', ms: expect.any(Number) },
    });
    // Control sequences of a module must not reach the terminal.
    expect(trialLines(Object.values(trials))).toContain('close failed: it is stuck [2J\n');
  });

  test('with --with calls each lookup whose arguments are complete once, within its timeout', async () => {
    const requests: string[] = [];
    const port = await listening(
      createServer((request, response) => {
        requests.push(request.url ?? '');
        if (request.url === '/slow/7') return;
        const status = request.url === '/none/7' ? 404 : request.url === '/busy/7' ? 503 : 200;
        response.writeHead(status, { 'content-type': 'application/json' }).end('{"name":"seven"}');
      }),
    );
    const at = (path: string): object => ({ http: { url: `http://127.0.0.1:${port}/${path}` } });
    const folder = written({
      known: at('known/{id}'),
      none: at('none/{id}'),
      busy: { ...at('busy/{id}'), retry: { attempts: 3 }, timeout: '5s' },
      slow: { ...at('slow/{id}'), timeout: '200ms' },
      other: at('other/{id}'),
      more: at('more/{id}/{part}'),
    });
    const { code, stdout } = await check(folder, '--json', '--with', 'id=7', '--with', 'other.id=8 9');
    expect(code).toBe(1);
    const told: { configuration: object; lookups: Trial[] } = JSON.parse(stdout);
    expect(told.configuration).toHaveProperty('pipelines.p');
    expect(Object.fromEntries(told.lookups.map((trial) => [trial.lookup, trial]))).toMatchObject({
      known: { ok: true, tried: 'call', detail: 'answered, 16 bytes' },
      none: { ok: true, tried: 'call', detail: 'has no answer for these arguments (a miss)' },
      busy: { ok: false, tried: 'call', detail: expect.stringContaining('503') },
      slow: { ok: false, tried: 'call', detail: 'timeout: no answer within 200 ms' },
      other: { ok: true, tried: 'call' },
      more: { ok: true, tried: 'reach' },
      own: { ok: true, tried: 'call', detail: expect.stringContaining('a miss') },
    });
    expect(requests.toSorted()).toEqual(['/busy/7', '/known/7', '/none/7', '/other/8%209', '/slow/7']);
  });

  test.each([
    ['idd=1', 'no lookup takes idd; arguments: id'],
    ['missing.id=1', 'unknown lookup missing; lookups: own'],
    ['own.key=1', 'lookup own does not take key; it takes id'],
    ['id', '--with takes NAME=VALUE or LOOKUP.NAME=VALUE, got "id"'],
  ])('refuses --with %s before it tries any lookup', async (given, message) => {
    await expect(tried(written({}), given)).rejects.toThrow(message);
  });

  test('exits with 2 if no lookup has such an argument', async () => {
    const { code, stdout, stderr } = await check(written({}), '--with', 'idd=1');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('no lookup takes idd');
  });

  test('shows no secret of the configuration in a failure', async () => {
    const secret = 'pass-1234567';
    const source = `export default () => { throw new Error('login ${secret} refused') }`;
    const folder = written(
      {
        leaky: { module: { file: 'leaky.mjs' } },
        far: { http: { url: 'http://127.0.0.1:1/{x}', auth: { bearer: secret } } },
      },
      { 'leaky.mjs': source },
    );
    const trials = await tried(folder, 'leaky.id=1');
    expect(trials['leaky']).toMatchObject({ ok: false, detail: 'function_error: login *** refused' });
    expect(JSON.stringify(trials)).not.toContain(secret);
  });

  test('reports a mistake in the configuration before it tries any lookup, and exits with 78', async () => {
    const proof = join(folderOf({}), 'proof');
    const source = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(proof)}, ''); export default () => []`;
    const folder = written({ mine: { module: { file: 'mine.mjs' }, timeout: 'soon' } }, { 'mine.mjs': source });
    const { code } = await check(folder, '--connect');
    expect([code, existsSync(proof)]).toEqual([78, false]);
  });

  test('ends although a failed module keeps the process busy', async () => {
    const source = `setInterval(() => {}, 1000); export default class { open() { throw new Error('no') } asyncInvoke() {} }`;
    const { code, stderr } = await check(
      written({ mine: { module: { file: 'mine.mjs' } } }, { 'mine.mjs': source }),
      '--connect',
    );
    expect(code).toBe(1);
    expect(stderr).toContain('open failed: no');
  });
});
