import { describe, expect, test } from 'vitest';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { httpEnd } from '../connectors/http/far-end.ts';
import { startConfigured } from './configured.ts';

const values = {
  PATH_KEY: 'path/k3y-0001',
  QUERY_KEY: 'query&k3y-0002',
  HEADER_KEY: 'header "k3y" 0003',
  BODY_KEY: 'body<k3y>0004',
  CONSTANT: 'constant-k3y-0005',
  USER: 'user-0006',
  PASSWORD: 'pass:k3y-0007',
  MODE: 'x7',
};
const files = {
  token: 'file-k3y-0008\n',
  'leak.mjs': 'export default async ({ k }) => { throw new Error(`refused ${k}`) };',
};

/** Every spelling in which a value could be recognized. */
function spellings(value: string): readonly string[] {
  const basic = Buffer.from(`${values.USER}:${values.PASSWORD}`).toString('base64');
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('base64'),
    basic,
  ];
}

async function leaking(status: number) {
  const log: string[] = [];
  const end = await httpEnd((request, response) => {
    // The other system repeats the whole request, as some servers do on their error pages.
    const said = JSON.stringify({ url: request.url, headers: request.headers });
    response.writeHead(status, { 'content-type': 'text/html', location: `http://elsewhere${request.url}` });
    response.end(`<pre>${said}</pre>`);
  });
  const secrets = new Secrets();
  const logger = createLogger({ level: 'trace', destination: { write: (line) => void log.push(line) }, secrets });
  const configuration = `
lookups:
  far:
    http:
      url: "\${BASE}/\${PATH_KEY}/{id}?q=\${QUERY_KEY}&m=\${MODE}"
      method: POST
      headers: { x-custom: "\${HEADER_KEY}", x-file: "\${file:token}" }
      body: { about: "is \${BODY_KEY}", secret: written-in-the-file }
      auth: { basic: { username: "\${USER}", password: "\${PASSWORD}" } }
      query: { c: "{c}" }
  leak: { module: { file: leak.mjs, parameters: { key: "\${BODY_KEY}" } } }
pipelines:
  test: { enrich: [ { lookup: far, with: { id: /id, c: { value: "\${CONSTANT}" } }, into: /far } ] }
  leak: { enrich: [ { lookup: leak, with: { k: { value: "\${CONSTANT}" } }, into: /leak } ] }
`;
  const service = await startConfigured(configuration, {
    env: { ...values, BASE: end.origin },
    files,
    logger,
    secrets,
  });
  return { ...service, origin: end.origin, log };
}

function expectHidden(text: string): void {
  for (const value of [
    ...Object.values(values).filter((each) => each.length > 3),
    'file-k3y-0008',
    'written-in-the-file',
  ]) {
    for (const spelling of spellings(value)) expect(text).not.toContain(spelling);
  }
}

describe('the value of a reference is not shown', () => {
  test('by explain, which shows the rest of the call', async () => {
    const { explain, origin } = await leaking(200);
    const text = await explain('{"id":"7"}');
    expect(JSON.parse(text)).toEqual({
      pipeline: 'test',
      steps: [
        {
          lookup: 'far',
          into: '/far',
          call: {
            method: 'POST',
            url: `${origin}/***/7?q=***&m=***&c=***`,
            headers: {
              accept: 'application/json',
              'accept-encoding': 'gzip, br, zstd',
              'user-agent': 'millrace',
              'content-type': 'application/json',
              authorization: '***',
              'x-custom': '***',
              'x-file': '***',
            },
            body: '{"about":"is ***","secret":"***"}',
          },
          layers: [
            { layer: 'coalesce', settings: true },
            { layer: 'limit', settings: { connections: 256, maxPause: '30s' } },
          ],
        },
      ],
    });
  });

  test('by GET /v1/pipelines', async () => {
    const { service } = await leaking(200);
    const text = await (await fetch(`${service.url}/v1/pipelines/test`)).text();
    expect(text).toContain('***');
    expectHidden(text);
  });

  test.each([[302], [400], [500], [200]])(
    'by the error of a record, the log and the state, if the other system answers %i and repeats the request',
    async (status) => {
      const { enrich, service, log } = await leaking(status);
      const line = await enrich('{"id":"7"}\n');
      expect(line).toContain('_error');
      expectHidden(line);
      const record = await fetch(`${service.url}/v1/enrich/test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"id":"7"}',
      });
      expect(record.status).toBeGreaterThan(400);
      expectHidden(await record.text());
      expectHidden(await (await fetch(`${service.adminUrl}/state`)).text());
      expectHidden(log.join(''));
      expect(log.every((text) => typeof JSON.parse(text) === 'object')).toBe(true);
    },
  );

  test('by an error of a module of the user', async () => {
    const { service } = await leaking(200);
    const answer = await fetch(`${service.url}/v1/enrich/leak`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{}\n',
    });
    const text = await answer.text();
    expect(text).toContain('refused ***');
    expectHidden(text);
  });
});
