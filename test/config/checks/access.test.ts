import { describe, expect, test } from 'vitest';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { complaints } from '../loading.ts';

/** The complaints about `server`, whose members are given as YAML, with line and column. */
const complaintsOf = (server: string): readonly string[] =>
  complaints(`
server:
  ${server}
lookups: { a: { http: { url: "http://127.0.0.1:9/{k}" } } }
pipelines: { p: { enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`).map((line) => line.replace(/^millrace\.yaml:/, ''));

describe('server.allowedHosts', () => {
  const expected =
    'expected a host without scheme and port, such as millrace.example.org, *.example.org, 10.0.0.5 or ::1';

  test.each([
    'http://a',
    'a:80',
    '[::1]:80',
    'a/b',
    '*',
    '*.',
    '*.*.a',
    '*.127.0.0.1',
    '*.[::1]',
    'a.*',
    '',
    'a b',
    '1::g',
  ])('may not hold %j', (host) => {
    expect(complaintsOf(`allowedHosts: [localhost, ${JSON.stringify(host)}]`)).toEqual([
      `3:29 server.allowedHosts[1]: ${expected}, got ${JSON.stringify(host)}`,
    ]);
  });

  test('is a list with at least one host', () => {
    expect(complaintsOf('allowedHosts: a')).toEqual([
      '3:17 server.allowedHosts: expected a list of hosts, such as [millrace.example.org, localhost], got "a"',
    ]);
    expect(complaintsOf('allowedHosts: []')).toEqual([
      '3:17 server.allowedHosts: expected at least one host; leave allowedHosts out for the default, got a list',
    ]);
  });

  test('is compared as URLs spell hosts', () => {
    const { allowedHosts } = configSchema.shape.server.parse({
      allowedHosts: ['Example.ORG.', '*.Apps.Example', '::1', '[0::2]', '127.1'],
    });
    expect(allowedHosts).toEqual(['example.org', '*.apps.example', '[::1]', '[::2]', '127.0.0.1']);
  });
});
