import { createServer } from 'node:http';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Certificates } from '../connectors/http/tls/certificates.ts';
import { listen } from '../http/start.ts';
import { serve, type Serving } from '../service/serving.ts';

/** How the other system answers: the first word of the key decides. */
const answers: Readonly<Record<string, number>> = { found: 200, missing: 404, broken: 500, busy: 503 };

/** Another system that finds keys, one or many in a call, misses keys, fails, is busy, and hangs. */
async function farEnd(): Promise<number> {
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (url === '/token') {
      response.end('{"access_token":"t-0","expires_in":3600}');
      return;
    }
    if (url.startsWith('/many/')) {
      const keys = decodeURIComponent(url.slice('/many/'.length)).split(',');
      response.end(JSON.stringify(keys.map((key) => ({ is: key }))));
      return;
    }
    const [, word = ''] = /^\/([a-z]+)/.exec(url) ?? [];
    const status = answers[word];
    // `hangs` is not answered.
    if (status !== undefined)
      response.writeHead(status, { 'content-type': 'application/json' }).end(`{"is":"${word}"}`);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return listen(server);
}

const configuration = (farPort: number): string => `
server: { tls: { cert: tls.crt, key: tls.key } }
lookups:
  far:
    http: { url: 'http://127.0.0.1:${farPort}/{key}', connections: 4 }
    rateLimit: { perSecond: 10000 }
    timeout: 100ms
    retry: { attempts: 1, backoff: { initial: 200ms, jitter: none }, budget: { perSecond: 100 } }
  kept:
    http: { url: 'http://127.0.0.1:${farPort}/{key}' }
    cache: { maxEntries: 4, negativeTtl: 1h }
    breaker: {}
    hedge: { after: p95 }
    concurrency: { adaptive: { max: 100 } }
  many:
    http:
      url: 'http://127.0.0.1:${farPort}/{key}'
      auth: { oauth2: { tokenUrl: 'http://127.0.0.1:${farPort}/token', clientId: me, clientSecret: s3cret-of-load } }
    batch: { maxSize: 10, http: { url: 'http://127.0.0.1:${farPort}/many/{key}' } }
  near:
    table: { file: near.json, key: key }
pipelines:
  slow:
    capacity: 8
    timeout: 2s
    enrich: [{ lookup: far, with: { key: /key }, into: /answer }]
  cached:
    capacity: 1
    enrich: [{ lookup: kept, with: { key: /key }, into: /answer }]
  gathered:
    capacity: 20
    enrich: [{ lookup: many, with: { key: /key }, into: /answer }]
  fast:
    capacity: 100
    enrich: [{ lookup: near, with: { key: /key }, into: /answer }]
`;

const words = ['found', 'missing', 'broken', 'busy', 'found', 'found', 'found', 'hangs', 'found', 'found'];
const mixed = `${Array.from({ length: 40 }, (_, n) => `{"key":"${words[n % words.length]}-${n}"}\n`).join('')}no JSON\n`;

/** Every key twice in succession, and more keys than the cache holds. */
const twice = Array.from({ length: 40 }, (_, n) => `{"key":"${n % 4 < 2 ? 'found' : 'missing'}-${n >> 1}"}\n`).join('');

/** More than the kernel's buffers of a connection hold in both directions. */
const long = `{"key":"a","filler":"${'x'.repeat(16_000)}"}\n`.repeat(1000);

/** A running Millrace whose streams never end: records fail, are retried and time out, slots fill, a reader is slow. */
export async function underLoad(): Promise<Serving> {
  const certificates = new Certificates().authority('ca').signed('here', 'ca', 'subjectAltName=IP:127.0.0.1');
  onTestFinished(() => certificates.remove());
  const authority = certificates.pem('ca.crt').toString();
  setDefaultCACertificates([...getCACertificates(), authority]);
  const serving = await serve({
    'tls.crt': certificates.pem('here.crt').toString(),
    'tls.key': certificates.pem('here.key').toString(),
    'millrace.yaml': configuration(await farEnd()),
    'near.json': '[{"key":"a","name":"A"}]',
  });
  const stop = new AbortController();
  const clients = [again(failing), again(failing), again(failing, gathered), again(failing, slowlyRead, cached)];
  onTestFinished(async () => {
    stop.abort();
    await Promise.all(clients);
  });
  return serving;

  async function again(...streams: readonly (() => Promise<void>)[]): Promise<void> {
    try {
      for (;;) for (const stream of streams) await stream();
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  async function failing(): Promise<void> {
    await (await open('slow', mixed)).text();
  }

  async function cached(): Promise<void> {
    await (await open('cached', twice)).text();
  }

  async function gathered(): Promise<void> {
    await (await open('gathered', twice)).text();
  }

  async function slowlyRead(): Promise<void> {
    const response = await open('fast', long);
    // The response is not read until it is full and the service reports that it waits.
    while (!stop.signal.aborted) {
      const { streams } = await serving.admin.state();
      if (streams.some(({ backpressure }) => backpressure === 'slow_reader')) break;
    }
    await response.text();
  }

  async function open(pipeline: string, body: string): Promise<Response> {
    const headers = { 'content-type': 'application/x-ndjson' };
    return fetch(`${serving.url}/v1/enrich/${pipeline}`, { method: 'POST', body, signal: stop.signal, headers });
  }
}
