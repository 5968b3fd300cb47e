import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { direct, type Proxied, proxied } from '../proxies/proxy.ts';
import { type LargeBody, largeBody, linesAndDigest } from './large/bodies.ts';
import { type LateName, LatePrograms } from './late-programs.ts';
import { compileMs } from './page-programs.ts';
import type { Version } from './probes.ts';

const programs = new LatePrograms();
/** Beyond what the sockets of a client, of a proxy and of the service hold. */
const bodyBytes = 40_000_000;
let body: LargeBody;
beforeAll(async () => {
  [body] = await Promise.all([largeBody(join(programs.folder, 'in.ndjson'), bodyBytes), programs.prepare()]);
}, compileMs);
afterAll(() => programs.remove());

type Way = readonly [client: LateName, version: Version, over: 'url' | 'tlsUrl', duplex: 'auto' | 'half'];

const services = {
  'to the service': {
    start: direct,
    ways: [
      ['Java HttpClient', '1', 'url', 'auto'],
      ['Java HttpClient', '1', 'url', 'half'],
      ['Go net/http', '1', 'url', 'auto'],
      ['Go net/http', '1', 'url', 'half'],
      ['requests', '1', 'tlsUrl', 'auto'],
      ['httpx', '2', 'tlsUrl', 'auto'],
      ['Java HttpClient', '2', 'tlsUrl', 'auto'],
      ['Go net/http', '2', 'tlsUrl', 'auto'],
      ['node:http2', '2', 'tlsUrl', 'auto'],
    ],
  },
  'through HAProxy': {
    start: () => proxied('HAProxy'),
    ways: [
      ['requests', '1', 'url', 'auto'],
      ['requests', '1', 'tlsUrl', 'auto'],
      ['Java HttpClient', '1', 'url', 'half'],
    ],
  },
  'through nginx, TCP,': {
    start: () => proxied('nginx, TCP'),
    ways: [
      ['requests', '1', 'url', 'auto'],
      ['httpx', '1', 'tlsUrl', 'auto'],
    ],
  },
} satisfies Record<string, { start: () => Promise<Proxied>; ways: readonly Way[] }>;

describe.each(Object.keys(services) as (keyof typeof services)[])('%s', (name) => {
  const { start, ways } = services[name];
  let service: Proxied;
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service.stop());

  test.each<Way>(ways)(
    '%s sends 40 MB over HTTP/%s (%s) and then reads the answer, whole and in order, with duplex=%s',
    { timeout: 180_000 },
    async (client, version, over, duplex) => {
      const target = join(programs.folder, 'out.ndjson');
      const url = `${service[over]}/v1/enrich/test?duplex=${duplex}`;
      await programs.send(client, version, url, body.path, target);
      expect(await linesAndDigest(target)).toEqual({ count: body.count, digest: body.digest });
    },
  );
});
