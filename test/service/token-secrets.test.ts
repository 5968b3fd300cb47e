import { expect, test } from 'vitest';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { startConfigured } from './configured.ts';
import { tlsService } from './tls-service.ts';

const client = 'client-token-0123456789';
const admin = 'admin-token-of-a-file-0123456789';
const wrong = 'wrong-token-0123456789';

const configuration = `
server:
  auth: { bearerTokens: [${client}, { name: team-a, token: "\${TEAM}", limits: { recordsPerSecond: 1 } }] }
  admin: { auth: { bearerTokens: ["\${file:admin}"] } }
  log: { level: trace }
lookups: { t: { module: { file: echo.mjs } } }
pipelines:
  test: { enrich: [{ lookup: t, with: { k: /k }, into: /a }] }
  other: { allow: { tokens: [team-a] }, enrich: [{ lookup: t, with: { k: /k }, into: /a }] }
`;
const team = 'team-token-0123456789';

test('no answer, no log line, no metric and no state has a token, neither a right nor a wrong one', async () => {
  const log: string[] = [];
  const secrets = new Secrets();
  const logger = createLogger({ level: 'trace', destination: { write: (line) => void log.push(line) }, secrets });
  // A module may say what it was called with: here the record has the tokens in it.
  const files = {
    admin: `${admin}\n`,
    'echo.mjs': 'export default async ({ k }) => { throw new Error(`refused ${k}`) };',
  };
  const { service } = await startConfigured(configuration, { env: { TEAM: team }, files, logger, secrets });
  const seen: string[] = [];
  const send = async (url: string, token: string, body?: string): Promise<number> => {
    const method = body === undefined ? 'GET' : 'POST';
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body }),
    });
    seen.push(JSON.stringify([...response.headers]), await response.text());
    return response.status;
  };
  const statuses = [
    await send(`${service.url}/v1/pipelines`, wrong),
    await send(`${service.url}/v1/pipelines`, client),
    await send(`${service.url}/v1/pipelines/other`, client),
    await send(`${service.url}/v1/pipelines/other`, team),
    await send(`${service.url}/openapi.json`, team),
    await send(`${service.url}/v1/enrich/other`, team, '{"k":"x"}'),
    await send(`${service.url}/v1/enrich/other`, team, '{"k":"x"}'),
    await send(`${service.url}/v1/explain/test`, client, '{"k":"x"}'),
    await send(`${service.url}/v1/enrich/test`, client, JSON.stringify({ k: `${client} ${team} ${admin}` })),
    await send(`${service.adminUrl}/reload`, admin, ''),
    await send(`${service.adminUrl}/metrics`, wrong),
    await send(`${service.adminUrl}/metrics`, admin),
    await send(`${service.adminUrl}/state`, admin),
  ];
  expect(statuses).toEqual([401, 200, 403, 200, 200, 502, 429, 200, 502, 200, 401, 200, 200]);
  const everything = [...seen, ...log].join('\n');
  expect(everything).toContain('team-a');
  expect(everything).toContain('refused ***');
  for (const token of [client, team, admin, wrong]) expect([token, everything.includes(token)]).toEqual([token, false]);
});

test('a page of the listener itself has https as its scheme if the listener has TLS', async () => {
  const serving = await tlsService();
  const { url } = serving.service;
  const statusWith = async (origin: string): Promise<number> =>
    (await serving.answer(`${url}/v1/pipelines`, { ...serving.client(), headers: { origin } })).status;
  expect(await statusWith(url)).toBe(200);
  expect(await statusWith(url.replace('https:', 'http:'))).toBe(403);
});
