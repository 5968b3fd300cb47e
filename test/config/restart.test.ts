import { expect, test } from 'vitest';
import { needingRestart } from '../../src/config/restart.ts';
import { configSchema } from '../../src/config/schema/schema.ts';

const enrich = [{ lookup: 'a', into: '/a' }];
const config = (server: object, pipelines: object = { p: { enrich } }) => configSchema.parse({ server, pipelines });

test('a changed address needs a restart, and is named by its path', () => {
  const started = config({ port: 1, admin: { port: 2 } });
  expect(needingRestart(started, config({ port: 3, admin: { port: 4, host: '0.0.0.0' } }))).toEqual([
    'server.port',
    'server.admin.host',
    'server.admin.port',
  ]);
  expect(needingRestart(started, started)).toEqual([]);
});

test('keys that a running service applies are not named', () => {
  const limits = { streams: 1, lineBytes: 1, idleTimeout: '1s', stallTimeout: '1s', headersTimeout: '1s' };
  const next = config({ limits, drainTimeout: '1s', watch: false, log: { level: 'warn' } }, { q: { enrich } });
  expect(needingRestart(config({}), next)).toEqual([]);
});

test('a key that is not listed as applied needs a restart', () => {
  const started = Object.assign(config({}), { tracing: undefined });
  const next = Object.assign(config({}), { tracing: { endpoint: 'http://127.0.0.1:4318' } });
  expect(needingRestart(started, next)).toEqual(['tracing']);
});
