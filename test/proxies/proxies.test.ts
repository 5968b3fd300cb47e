import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { contentCodings } from '../../src/core/vocabulary.ts';
import { coded } from '../wire/coding/bodies.ts';
import { answered, sent } from './records.ts';
import { type Proxied, proxied } from './proxy.ts';

const run = promisify(execFile);

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
}

/** The output and the exit code of curl. `-k`, because the certificate is self-signed. */
async function curl(...args: readonly string[]): Promise<Ended> {
  const ended: unknown = await run('curl', ['-ksS', ...args], { maxBuffer: 1e9 }).catch((error: unknown) => error);
  const { code = 0, stdout = '' } = ended as Partial<Ended>;
  return { code, stdout };
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-proxies-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string | Buffer): string {
  const name = join(folder, 'in.ndjson');
  writeFileSync(name, text);
  return name;
}

/** The ways to reach the service through a proxy: the option of curl, and the URL. */
const ways = {
  'HTTP/1.1': ({ url }: Proxied) => ['--http1.1', url] as const,
  'HTTP/1.1 over TLS': ({ tlsUrl }: Proxied) => ['--http1.1', tlsUrl] as const,
  'HTTP/2': ({ tlsUrl }: Proxied) => ['--http2', tlsUrl] as const,
};

const offered = [
  { name: 'nginx, TCP', versions: ['HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'] },
  { name: 'nginx, HTTP', versions: ['HTTP/1.1', 'HTTP/2'] },
  { name: 'HAProxy', versions: ['HTTP/1.1', 'HTTP/1.1 over TLS'] },
  { name: 'HAProxy, HTTP/2 to Millrace', versions: ['HTTP/1.1'] },
] as const;

const small = sent(0) + '{"key":null}\n' + sent(1);
const more = `,"more":"${'x'.repeat(1000)}"`;

describe.each(offered)('through $name, as docs/proxies.md has it,', ({ name, versions }) => {
  let proxy: Proxied;
  beforeAll(async () => {
    proxy = await proxied(name);
  });
  afterAll(() => proxy.stop());

  describe.each(versions)('%s:', (version) => {
    const to = (): readonly [string, string] => ways[version](proxy);

    test('each result comes before the next line is sent', async () => {
      const [http, url] = to();
      const client = spawn('curl', ['-ksSN', http, '-X', 'POST', '-T', '.', `${url}/v1/enrich/test`]);
      const ended = once(client, 'exit');
      client.stdout.setEncoding('utf8');
      for (let n = 0; n < 10; n++) {
        client.stdin.write(sent(n));
        expect(await once(client.stdout, 'data')).toEqual([answered(n)]);
      }
      client.stdin.end();
      expect(await ended).toEqual([0, null]);
    });

    test('a small upload of curl, with Expect: 100-continue, comes back complete every time', async () => {
      const [http, url] = to();
      const from = file(sent(0) + sent(1));
      // HAProxy takes a head that arrives together with `100 Continue` for the whole response: half of them were empty.
      for (let round = 0; round < 20; round++) {
        const ended = await curl(http, '-H', 'Expect: 100-continue', '-X', 'POST', '-T', from, `${url}/v1/enrich/test`);
        expect(ended).toEqual({ code: 0, stdout: answered(0) + answered(1) });
      }
    });

    test('a megabyte comes back complete', async () => {
      const [http, url] = to();
      const lines = [...Array(1000).keys()];
      const from = file(lines.map((n) => sent(n, more)).join(''));
      const { code, stdout } = await curl(http, '-X', 'POST', '-T', from, `${url}/v1/enrich/test`);
      expect(code).toBe(0);
      expect(stdout === lines.map((n) => answered(n, more)).join('')).toBe(true);
    });

    test('a compressed stream brings each result before the next line is sent, and comes back complete', async () => {
      const [http, url] = to();
      const live = spawn('curl', ['-ksSN', http, '--compressed', '-X', 'POST', '-T', '.', `${url}/v1/enrich/test`]);
      const ended = once(live, 'exit');
      live.stdout.setEncoding('utf8');
      for (let n = 0; n < 10; n++) {
        live.stdin.write(sent(n));
        expect(await once(live.stdout, 'data')).toEqual([answered(n)]);
      }
      live.stdin.end();
      expect(await ended).toEqual([0, null]);
      const lines = [...Array(1000).keys()];
      const whole = lines.map((n) => answered(n, more)).join('');
      for (const coding of contentCodings) {
        const from = file(coded[coding](lines.map((n) => sent(n, more)).join('')));
        const sentAs = [
          http,
          '-H',
          `content-encoding: ${coding}`,
          '--compressed',
          '-X',
          'POST',
          '-T',
          from,
          `${url}/v1/enrich/test`,
        ];
        const { code, stdout } = await curl(...sentAs);
        expect([code, stdout === whole]).toEqual([0, true]);
        const { stdout: head } = await curl('-D', '-', '-o', '/dev/null', ...sentAs);
        expect(head).toMatch(/^content-encoding: (zstd|br|gzip)\r?$/im);
      }
    });

    test('a compressed stream that was cut is an error of curl', async () => {
      const [http, url] = to();
      const { code } = await curl(http, '--compressed', '--data-binary', small, `${url}/v1/enrich/strict`);
      expect(version === 'HTTP/2' ? [92, 18, 61] : [18, 56, 61]).toContain(code);
    });

    test('a refusal arrives with its status and its problem document', async () => {
      const [http, url] = to();
      const { stdout } = await curl(http, '-w', '\n%{http_code}', '--data-binary', sent(0), `${url}/v1/enrich/tset`);
      const [problem = '', status] = stdout.split('\n');
      expect(JSON.parse(problem)).toMatchObject({ status: 404, code: 'unknown_pipeline' });
      expect(status).toBe('404');
    });

    test('a stream that was cut is an error of curl: 18 or 56, and 92 over HTTP/2', async () => {
      const [http, url] = to();
      const client = spawn('curl', ['-ksSN', http, '-X', 'POST', '-T', '.', `${url}/v1/enrich/strict`]);
      const ended = once(client, 'exit');
      client.stdout.setEncoding('utf8');
      client.stdin.write(sent(0));
      expect(await once(client.stdout, 'data')).toEqual([answered(0)]);
      client.stdin.end('{"key":null}\n');
      const [code] = await ended;
      // 56 if the connection is lost while curl still sends.
      expect(version === 'HTTP/2' ? [92] : [18, 56]).toContain(code);
    });

    test('with control=true the last line says whether the stream is complete', async () => {
      const [http, url] = to();
      const lastLine = async (pipeline: string): Promise<string | undefined> => {
        const { stdout } = await curl(http, '--data-binary', small, `${url}/v1/enrich/${pipeline}?control=true`);
        return stdout.trimEnd().split('\n').at(-1);
      };
      expect(await lastLine('test')).toMatch(/^{"\$summary":{"status":"complete"/);
      expect(await lastLine('strict')).toMatch(/^{"\$fatal":{.*"code":"record_failed"/);
    });

    test('a stream that was cut is resumed: the output goes on where the checkpoint says', async () => {
      const [http, url] = to();
      const body = `{"$resume":{"next":3,"pending":[1]}}\n${[1, 3, 4].map((n) => sent(n)).join('')}`;
      const { stdout } = await curl(http, '--data-binary', body, `${url}/v1/enrich/test?mode=unordered&control=true`);
      const lines = stdout.trimEnd().split('\n');
      const records = lines.filter((line) => !line.startsWith('{"$'));
      expect(records.toSorted()).toEqual([1, 3, 4].map((n) => answered(n).trimEnd()));
      expect(lines.at(-1)).toMatch(/^{"\$summary":{"status":"complete"/);
    });

    test(`trailers ${name === 'nginx, HTTP' ? 'are lost' : 'arrive'}`, async () => {
      const [http, url] = to();
      const head = ['-D', '-', '-o', '/dev/null', '--data-binary', small];
      const { stdout } = await curl(http, ...head, `${url}/v1/enrich/test`);
      expect(/^millrace-status: complete/im.test(stdout)).toBe(name !== 'nginx, HTTP');
    });
  });
});

describe.each(['nginx, TCP', 'HAProxy'] as const)('through %s 40 MB', (name) => {
  let proxy: Proxied;
  beforeAll(async () => {
    proxy = await proxied(name);
  });
  afterAll(() => proxy.stop());

  test.each(['url', 'tlsUrl'] as const)('stop if the client does not read, then continue (%s)', async (which) => {
    const open = which === 'url' ? request : tlsRequest;
    const to = `${proxy[which]}/v1/enrich/test`;
    const upload = open(to, { method: 'POST', agent: false, rejectUnauthorized: false });
    upload.flushHeaders();
    const count = 40_000;
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    const written = (async () => {
      for (let n = 0; n < count; n += 100) {
        const block = Array.from({ length: 100 }, (_, at) => sent(n + at, more)).join('');
        if (!upload.write(block)) await once(upload, 'drain');
      }
      upload.end();
    })();

    let before = -1;
    let taken = 0;
    while (taken === 0 || taken !== before) {
      before = taken;
      const stream = (await proxy.admin.state()).streams.at(-1);
      if (stream?.['backpressure'] === 'slow_reader') taken = Number(stream['receivedBytes']);
    }
    // The rest is in the buffers of three pairs of sockets and of TLS.
    expect(taken).toBeLessThan(30_000_000);

    const parts: string[] = [];
    response.setEncoding('utf8');
    for await (const part of response) parts.push(String(part));
    const whole = Array.from({ length: count }, (_, n) => answered(n, more)).join('');
    // Compared as one boolean, because a diff of forty megabytes is not readable.
    expect(parts.join('') === whole).toBe(true);
    expect(response.trailers).toMatchObject({ 'millrace-status': 'complete', 'millrace-read': String(count) });
    await written;
  });
});

describe.each(offered)('through $name', ({ name }) => {
  test('a stream that runs when the service drains is completed, and a new one gets 503', async () => {
    const proxy = await proxied(name);
    onTestFinished(() => proxy.stop());
    const url = `${proxy.url}/v1/enrich/test`;
    const client = spawn('curl', ['-sSN', '-X', 'POST', '-T', '.', url]);
    const ended = once(client, 'exit');
    client.stdout.setEncoding('utf8');
    client.stdin.write(sent(0));
    expect(await once(client.stdout, 'data')).toEqual([answered(0)]);
    process.kill(proxy.pid, 'SIGTERM');
    let status = '200';
    while (status === '200') {
      ({ stdout: status } = await curl('-o', '/dev/null', '-w', '%{http_code}', '--data-binary', sent(1), url));
    }
    expect(status).toBe('503');
    client.stdin.write(sent(2));
    expect(await once(client.stdout, 'data')).toEqual([answered(2)]);
    client.stdin.end();
    expect(await ended).toEqual([0, null]);
  });
});
