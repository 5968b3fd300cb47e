import * as fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { redact, toYaml } from '../../src/config/redact.ts';
import { complaints, load, small } from './loading.ts';

const secretive = `
lookups:
  token-service:
    http:
      url: https://127.0.0.1/x?api_key=pass2&page=1
      headers: { x-auth: pass3, x-api-key: pass4, accept: application/json }
      query: { access_token: pass5, q: '{q}' }
      auth: { basic: { username: me, password: pass6 } }
  other:
    http:
      url: http://127.0.0.1/\${PASS7}/y
pipelines:
  auth:
    capacity: \${PASS8}
    enrich:
      - { lookup: token-service, with: { q: /token }, into: /password }
`;

describe('the effective configuration', () => {
  test('has the defaults inside a choice of forms, and those that follow from another member', () => {
    const layers = ', concurrency: { adaptive: { max: 50 } }, rateLimit: { perSecond: 500 } }\npipelines';
    expect(load(small.replace(' }\npipelines', layers)).effective).toMatchObject({
      lookups: {
        airport: {
          concurrency: { adaptive: { min: 1, max: 50 }, observe: false },
          rateLimit: { perSecond: 500, burst: 50 },
        },
      },
    });
  });

  test('has every default, in the units of a configuration', () => {
    const { effective } = load(`${small}    timeout: 1.5s\n`);
    expect(effective).toMatchObject({
      server: { port: 8080, drainTimeout: '30s', limits: { lineBytes: '1MiB', idleTimeout: '60s' } },
      lookups: { airport: { http: { method: 'GET', maxResponseBytes: '1MiB' } } },
      pipelines: {
        flights: {
          mode: 'ordered',
          timeout: '1.5s',
          allow: { parameters: ['mode', 'capacity', 'timeout'], capacity: 100, timeout: '1.5s' },
        },
      },
    });
  });

  test('shows everything but the secrets', () => {
    const { effective } = load(secretive, { env: { PASS7: 'pass7', PASS8: '78' } });
    expect(JSON.stringify(effective)).not.toMatch(/pass\d|78/);
    expect(effective).toMatchObject({
      lookups: {
        'token-service': {
          http: {
            url: 'https://127.0.0.1/x?api_key=***&page=1',
            headers: { 'x-auth': '***', 'x-api-key': '***', accept: 'application/json' },
            query: { access_token: '***', q: '{q}' },
            auth: { basic: { username: '***', password: '***' } },
          },
        },
        other: { http: { url: 'http://127.0.0.1/***/y', auth: null } },
      },
      pipelines: { auth: { capacity: '***', enrich: [{ with: { q: '/token' }, into: '/password' }] } },
    });
  });
});

test('all headers of a collector are secret, and so are user and password of its address', () => {
  const { effective } = load(
    `${small}tracing: { otlp: { url: 'https://me:pass1@h/v1', headers: { x-team: pass2, x-key: '\${PASS3}' } } }\n`,
    { env: { PASS3: 'pass3' } },
  );
  expect(JSON.stringify(effective)).not.toMatch(/pass\d/);
  expect(effective['tracing']).toEqual({
    serviceName: 'millrace',
    sampleRatio: 1,
    lookupSpans: 1000,
    otlp: { url: 'https://***@h/v1', headers: { 'x-team': '***', 'x-key': '***' }, timeout: '3s' },
  });
});

test('a mistake shows no secret either', () => {
  const otlp = `{ url: 'ftp://me:pass1@h/x?token=pass2', headers: { x-team: "pass3\\n", 'no name': pass4 } }`;
  const told = complaints(`${small}tracing: { sampleRatio: 2, otlp: ${otlp} }\n`).join('\n');
  expect(told).not.toMatch(/pass\d/);
  expect(told).toContain('got "ftp://***@h/x?token=***"');
  expect(told.match(/got \*\*\*/g)).toHaveLength(2);
});

test('the user and the password of an address are secret', () => {
  const lookups = { l: { sql: { url: 'postgres://me:pass@db/x@y' } } };
  expect(redact({ lookups }, new Map())).toEqual({ lookups: { l: { sql: { url: 'postgres://***@db/x@y' } } } });
});

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/);
const duration = fc
  .tuple(fc.integer({ min: 1, max: 59 }), fc.constantFrom('ms', 's', 'm'))
  .map(([n, unit]) => `${n}${unit}`);
const pointer = fc
  .array(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 2 })
  .map((tokens) => tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''));
const optional = { requiredKeys: [] };
const pipeline = fc.record(
  {
    mode: fc.constantFrom('ordered', 'unordered'),
    capacity: fc.integer({ min: 1, max: 1_000_000 }),
    timeout: fc.oneof(duration, fc.constant('0s')),
    enrich: pointer
      .chain((into) =>
        fc.record({
          lookup: fc.constant('t'),
          with: fc.record({ id: fc.oneof(fc.constant('/id'), fc.record({ value: fc.string() })) }),
          into: fc.constant(into),
        }),
      )
      .map((step) => [step]),
    onError: fc.oneof(fc.constantFrom('fail', 'drop'), fc.record({ value: fc.jsonValue().filter(hasPlainNames) })),
    onMiss: fc.constantFrom('null', 'omit', 'error'),
    explode: fc.boolean(),
    meta: fc.subarray(['seq', 'timing', 'source', 'attempts']),
    allow: fc.record(
      { parameters: fc.subarray(['mode', 'onError']), capacity: fc.constant(9), timeout: duration },
      optional,
    ),
  },
  { requiredKeys: ['enrich'] },
);
const configuration = fc.record({
  server: fc.record({ port: fc.integer({ min: 0, max: 65_535 }), drainTimeout: duration }, optional),
  lookups: fc.record({
    t: fc.record({ table: fc.constant({ file: 'x.csv', key: 'id' }), timeout: duration }, { requiredKeys: ['table'] }),
  }),
  pipelines: fc.dictionary(name, pipeline, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
});

/** `__proto__` is refused as a name, and -0 is 0 in JSON. */
function hasPlainNames(value: unknown): boolean {
  const text = JSON.stringify(value);
  return !text.includes('__proto__');
}

test('the printed configuration loads as the same configuration', () => {
  fc.assert(
    fc.property(configuration, (given) => {
      const first = load(JSON.stringify(escapeAll(given)), { checks: [] });
      const printed = toYaml(first.effective);
      expect(load(printed, { checks: [] }).config).toEqual(first.config);
      expect(parse(printed)).toBeTypeOf('object');
    }),
    { numRuns: 150 },
  );
});

function escapeAll(value: unknown): unknown {
  const escaped: unknown = JSON.parse(JSON.stringify(value).replaceAll('${', '$${'.replaceAll('$', '$$$$')));
  return escaped;
}
