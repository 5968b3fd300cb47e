import { describe, expect, test } from 'vitest';
import { environmentVariables } from '../../../src/config/document/overlay.ts';
import { complaints, load, small } from '../loading.ts';

const withServer = `server: { port: 1111, host: 0.0.0.0, log: { level: warn } }\n${small}`;

test('a flag overrides the environment, the environment the file, and the file the default', () => {
  const env = { MILLRACE_SERVER_PORT: '2222', MILLRACE_SERVER_HOST: '::1' };
  const { server } = load(withServer, { env, flags: { 'server.port': '3333' } }).config;
  expect(server).toMatchObject({ port: 3333, host: '::1', log: { level: 'warn' }, drainTimeout: 30_000 });
});

test('every scalar key of server has an environment variable', () => {
  expect([...environmentVariables.keys()]).toEqual([
    'MILLRACE_SERVER_HOST',
    'MILLRACE_SERVER_PORT',
    'MILLRACE_SERVER_ADMIN_HOST',
    'MILLRACE_SERVER_ADMIN_PORT',
    'MILLRACE_SERVER_TLS_CERT',
    'MILLRACE_SERVER_TLS_KEY',
    'MILLRACE_SERVER_TLS_CLIENT_CA',
    'MILLRACE_SERVER_LIMITS_STREAMS',
    'MILLRACE_SERVER_LIMITS_CONNECTIONS',
    'MILLRACE_SERVER_LIMITS_MEMORY',
    'MILLRACE_SERVER_LIMITS_LINE_BYTES',
    'MILLRACE_SERVER_LIMITS_SPOOL_BYTES',
    'MILLRACE_SERVER_LIMITS_SPOOL_TOTAL_BYTES',
    'MILLRACE_SERVER_LIMITS_IDLE_TIMEOUT',
    'MILLRACE_SERVER_LIMITS_STALL_TIMEOUT',
    'MILLRACE_SERVER_LIMITS_DECOMPRESSION_RATIO',
    'MILLRACE_SERVER_LIMITS_HEADERS_TIMEOUT',
    'MILLRACE_SERVER_DRAIN_TIMEOUT',
    'MILLRACE_SERVER_WATCH',
    'MILLRACE_SERVER_SPOOL_DIR',
    'MILLRACE_SERVER_LOG_LEVEL',
  ]);
});

test('a variable is read as the type of its key', () => {
  const env = {
    MILLRACE_SERVER_ADMIN_PORT: '0',
    MILLRACE_SERVER_LIMITS_LINE_BYTES: '64KiB',
    MILLRACE_SERVER_LIMITS_STREAMS: '5',
    MILLRACE_SERVER_DRAIN_TIMEOUT: '2m',
  };
  const { server } = load(small, { env }).config;
  expect(server.admin.port).toBe(0);
  expect(server.limits).toMatchObject({ lineBytes: 65_536, streams: 5 });
  expect(server.drainTimeout).toBe(120_000);
});

describe('a mistake outside the file', () => {
  test('is reported with the name of the variable', () => {
    expect(complaints(small, { env: { MILLRACE_SERVER_PORT: 'http' } })).toEqual([
      'environment variable MILLRACE_SERVER_PORT: expected a whole number from 0 to 65535, got "http"',
    ]);
  });

  test('is reported with the name of the flag', () => {
    expect(complaints(small, { flags: { 'server.log.level': 'loud', 'server.prot': '1' } })).toEqual([
      '--log-level: expected trace, debug, info, warn, error, fatal or silent, got "loud"',
      '--prot: unknown key; did you mean "port"?',
    ]);
  });

  test('a misspelt variable is a mistake', () => {
    expect(complaints(small, { env: { MILLRACE_SERVER_PROT: '1', MILLRACE_OTHER: 'x' } })).toEqual([
      'environment variable MILLRACE_SERVER_PROT: it sets no key; did you mean MILLRACE_SERVER_PORT?',
    ]);
  });
});
