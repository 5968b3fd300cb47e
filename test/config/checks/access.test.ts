import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { folderOf } from '../../service/serving.ts';
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
      '3:17 server.allowedHosts: expected at least one host; leave allowedHosts out for the default',
    ]);
  });

  test('is compared as URLs spell hosts', () => {
    const { allowedHosts } = configSchema.shape.server.parse({
      allowedHosts: ['Example.ORG.', '*.Apps.Example', '::1', '[0::2]', '127.1'],
    });
    expect(allowedHosts).toEqual(['example.org', '*.apps.example', '[::1]', '[::2]', '127.0.0.1']);
  });
});

describe('bearerTokens', () => {
  const expected =
    'expected a token of at least 16 characters, such as `openssl rand -base64 32` prints: letters, digits, - . _ ~ + / and, at the end, =';
  const good = 'a-good-token-0123456789';

  test.each(['', 'short', '0123456789abcde', 'two words 0123456789', 'tokén-0123456789abc', '=0123456789abcdef'])(
    'may not hold %j, which no message shows',
    (token) => {
      expect(complaintsOf(`auth: { bearerTokens: [${good}, ${JSON.stringify(token)}] }`)).toEqual([
        `3:51 server.auth.bearerTokens[1]: ${expected}, got ***`,
      ]);
      expect(complaintsOf(`admin: { auth: { bearerTokens: [{ token: ${JSON.stringify(token)} }] } }`)).toEqual([
        `3:44 server.admin.auth.bearerTokens[0].token: ${expected}, got ***`,
      ]);
    },
  );

  test('is a list with at least one token, for both listeners', () => {
    const list = 'expected a list of tokens, such as [ "${file:/run/secrets/token}" ]';
    expect(complaintsOf('auth: {}')).toEqual([`3:3 server.auth.bearerTokens: missing; ${list}`]);
    expect(complaintsOf(`auth: { bearerTokens: ${good} }`)).toEqual([
      `3:25 server.auth.bearerTokens: ${list}, got ***`,
    ]);
    expect(complaintsOf('admin: { auth: { bearerTokens: [] } }')).toEqual([
      '3:34 server.admin.auth.bearerTokens: the list is empty, so no token would be valid; add a token, or leave auth out: then no request needs one',
    ]);
  });

  test('may not hold a token or a name twice', () => {
    const tokens = `[${good}, { name: a, token: other-token-0123456789 }, ${good}, { name: a, token: ${good} }]`;
    expect(complaintsOf(`auth: { bearerTokens: ${tokens} }`)).toEqual(
      [
        '3:99 server.auth.bearerTokens[2]: the same token as that of entry 1 of the list; leave one out, or change it',
        '3:132 server.auth.bearerTokens[3].name: the same name as that of entry 2 of the list; leave one out, or change it',
        '3:142 server.auth.bearerTokens[3].token: the same token as that of entry 1 of the list; leave one out, or change it',
      ].map((line) => expect.stringContaining(line.slice(line.indexOf(' ')))),
    );
  });

  test('may hold names like those of pipelines', () => {
    expect(complaintsOf(`auth: { bearerTokens: [{ name: "team a", token: ${good} }] }`)).toEqual([
      '3:34 server.auth.bearerTokens[0].name: expected a name of letters, digits, _ and -, which starts with a letter, got "team a"',
    ]);
  });
});

/** The complaints about a pipeline with these tokens. */
const withTokens = (tokens: string, server: string): readonly string[] =>
  complaints(`
server: ${server}
lookups: { a: { http: { url: "http://127.0.0.1:9/{k}" } } }
pipelines:
  p:
    allow: { tokens: ${tokens} }
    enrich: [{ lookup: a, with: { k: /k }, into: /a }]
`);

describe('allow.tokens of a pipeline', () => {
  const server = '{ auth: { bearerTokens: [{ name: team-a, token: a-good-token-0123456789 }] } }';

  test('names tokens of server.auth', () => {
    expect(withTokens('[team-a]', server)).toEqual([]);
    expect(withTokens('[team-a, team-b, other]', server)).toEqual([
      'millrace.yaml:6:31 pipelines.p.allow.tokens[1]: unknown token "team-b"; did you mean "team-a"? (tokens: team-a)',
      'millrace.yaml:6:39 pipelines.p.allow.tokens[2]: unknown token "other"; tokens: team-a',
    ]);
    expect(withTokens('[team-a]', '{}')).toEqual([
      'millrace.yaml:6:23 pipelines.p.allow.tokens[0]: unknown token "team-a"; server.auth.bearerTokens has no token with a name',
    ]);
    expect(withTokens('[]', server)).toEqual([
      'millrace.yaml:6:22 pipelines.p.allow.tokens: expected at least one name; leave tokens out to allow every token',
    ]);
  });
});

describe('cors.origins', () => {
  const expected =
    'expected an origin such as https://app.example.org or http://localhost:3000, without a path, or "*" for all of them';

  test.each([
    'null',
    'app.example',
    'https://',
    'https://a/',
    'https://a/b',
    'https://a?b',
    'https://a#',
    'https://u@a',
    'ws://a',
    'https://*.a b',
    'file:///',
  ])('may not hold %j', (origin) => {
    expect(complaintsOf(`cors: { origins: [${JSON.stringify(origin)}] }`)).toEqual([
      `3:21 server.cors.origins[0]: ${expected}, got ${JSON.stringify(origin.replace('u@', '***@'))}`,
    ]);
  });

  test('are compared as browsers send them', () => {
    const origins = ['HTTPS://App.Example:443', 'http://[::0:1]:3000', 'http://a:8080'];
    expect(configSchema.shape.server.parse({ cors: { origins } }).cors.origins).toEqual([
      'https://app.example',
      'http://[::1]:3000',
      'http://a:8080',
    ]);
  });

  test('may be "*" only together with auth of the same listener', () => {
    const message =
      '"*" lets every web page in, so it needs auth.bearerTokens of the same listener; or list the origins';
    const auth = 'auth: { bearerTokens: [a-good-token-0123456789] }';
    const any = 'cors: { origins: [http://a, "*"] }';
    expect(complaintsOf(any)).toEqual([`3:31 server.cors.origins[1]: ${message}`]);
    expect(complaintsOf(`admin: { ${any} }\n  ${auth}`)).toEqual([`3:40 server.admin.cors.origins[1]: ${message}`]);
    expect(complaintsOf(`${any}\n  ${auth}`)).toEqual([]);
    expect(complaintsOf(`admin: { ${any}, ${auth} }`)).toEqual([]);
    expect(complaintsOf(`${any}\n  port: x`)).toHaveLength(2);
  });
});

test('a token is shown nowhere, and its name is', () => {
  const folder = folderOf({ token: 'token-of-a-file-0123456789\n' });
  const file = join(folder, 'millrace.yaml');
  writeFileSync(
    file,
    `
server:
  auth: { bearerTokens: [plain-token-0123456789, { name: team-a, token: "\${file:token}" }] }
  admin: { auth: { bearerTokens: ["\${ADMIN}"] } }
lookups: { a: { http: { url: "http://127.0.0.1:9/{k}" } } }
pipelines: { p: { allow: { tokens: [team-a] }, enrich: [{ lookup: a, with: { k: /k }, into: /a }] } }
`,
  );
  const { config, effective, secrets } = loadConfig({
    file,
    env: { ADMIN: 'admin-token-0123456789' },
    flags: {},
    checks: [],
  });
  expect(effective['server']).toMatchObject({
    auth: { bearerTokens: ['***', { name: 'team-a', token: '***' }] },
    admin: { auth: { bearerTokens: ['***'] } },
  });
  expect(effective['pipelines']).toMatchObject({ p: { allow: { tokens: ['team-a'] } } });
  expect(config.server.auth?.bearerTokens).toEqual([
    'plain-token-0123456789',
    { name: 'team-a', token: 'token-of-a-file-0123456789' },
  ]);
  const all = ['plain-token-0123456789', 'token-of-a-file-0123456789', 'admin-token-0123456789'];
  expect(new Set(secrets)).toEqual(new Set(all));
});
