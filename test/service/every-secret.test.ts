import { execFileSync, spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { certificate } from '../connectors/http/client/both-ends.ts';
import { folderOf, Millrace, root, serveFolder, type Serving } from './serving.ts';

/** The kinds of secrets, each with a value that the configuration below has at that place. */
const secrets = {
  'a bearer token': 'bearer-s3cr3t-0001',
  'a password': 'basic "s3cr3t"/0002',
  'the secret of an OAuth2 client': 'client&s3cr3t=<0003>',
  'an access token': 'access.s3cr3t~0004/x',
  'the password of a proxy': 'proxy/s3cr3t@0005',
  'a header from a file': 'header+s3cr3t 0006',
  'a header from a variable': 'header/s3cr3t 0007',
  'a part of a path': 'path/s3cr3t?0008',
  'a query parameter': 'query&s3cr3t=0009',
  'a member of a body': 'body "s3cr3t" 0010',
  'a parameter of a batch': 'batch:s3cr3t;0011',
  'a constant of a step': "step's s3cr3t 0012",
  'a header of the collector': 'otlp/s3cr3t 0013',
  'a parameter of a module': 'module$s3cr3t 0014',
  'a token of the public listener': 'public-s3cr3t-0015',
  'a token of the admin listener': 'admin-s3cr3t-0016',
  'the user of an address in a variable': 'user-s3cr3t-0017',
  'the password of an address in a variable': 'address?s3cr3t/0018',
} as const;

const keyOfTls = certificate();
/** A line of the private key that a lookup shows to a server. */
const keyLine = keyOfTls.key.toString('latin1').split('\n')[1] ?? '';
const all: readonly (readonly [string, string])[] = [...Object.entries(secrets), ['a private key', keyLine]];

/** The spellings in which another system may repeat a value. */
function spellingsOf(value: string): readonly string[] {
  const form = new URLSearchParams({ v: value }).toString().slice(2);
  const base64 = Buffer.from(value).toString('base64');
  const entities = new Map([
    ['&', '&amp;'],
    ['<', '&lt;'],
    ['>', '&gt;'],
    ['"', '&quot;'],
    ["'", '&#39;'],
  ]);
  return [
    ...new Set([
      value,
      encodeURIComponent(value),
      encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
      encodeURI(value),
      form,
      JSON.stringify(value).slice(1, -1),
      value.replaceAll(/[&<>"']/g, (character) => entities.get(character) ?? character),
      base64,
      base64.replace(/=+$/, ''),
      Buffer.from(value).toString('base64url'),
    ]),
  ];
}

/** What is sent for two secrets together. */
const pairs = [
  ['the credentials of a lookup', Buffer.from(`user:${secrets['a password']}`).toString('base64')],
  ['the credentials of a proxy', Buffer.from(`me:${secrets['the password of a proxy']}`).toString('base64')],
  [
    'the credentials of an OAuth2 client',
    Buffer.from(
      `me:${new URLSearchParams({ v: secrets['the secret of an OAuth2 client'] }).toString().slice(2)}`,
    ).toString('base64'),
  ],
] as const;

const spelled = [
  ...all.flatMap(([kind, value]) => spellingsOf(value).map((text) => ({ kind, text }))),
  ...pairs.map(([kind, text]) => ({ kind, text })),
];

/** The secrets that a text shows. */
function leaksIn(place: string, text: string): readonly string[] {
  return spelled
    .filter((one) => text.includes(one.text))
    .map(({ kind, text: shown }) => `${place} shows ${kind}: ${shown}`);
}

const latin1 = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

/** How another system repeats a text: each is another message of Millrace. */
const channels: Readonly<Record<string, (response: ServerResponse, text: string) => void>> = {
  'the body of an error': (response, text) => void response.writeHead(500, { 'content-type': 'text/plain' }).end(text),
  'the body of a refusal': (response, text) => void response.writeHead(401).end(`{"detail":${JSON.stringify(text)}}`),
  'a body that is not JSON': (response, text) => void response.end(`<p>${text}</p>`),
  'a body that is cut': (response, text) => void response.end(`${'x'.repeat(Math.max(0, 98 - text.length))}${text}`),
  'a redirect': (response, text) => void response.writeHead(302, { location: latin1(`/next?${text}`) }).end(),
  'the type of a body': (response, text) => void response.writeHead(500, { 'content-type': latin1(text) }).end('x'),
  'the coding of a body': (response, text) =>
    void response.writeHead(200, { 'content-encoding': latin1(text) }).end('{}'),
  'a head that is malformed': (response, text) => void response.socket?.end(`HTTP/1.1 200 OK\r\n${text}\r\n\r\n`),
  'a status line that is malformed': (response, text) => void response.socket?.end(`HTTP/9 ${text}\r\n\r\n`),
  'no HTTP': (response, text) => void response.socket?.end(`${text}\r\n\r\n`),
};
const channelNames = Object.keys(channels);

/** Answers `/…/CHANNEL/NUMBER` with that spelling in that channel. */
const repeats: RequestListener = (request, response) => {
  request.resume();
  const [, channel, number] = /\/(\d+)\/(\d+)(?:\?|$)/.exec(request.url ?? '') ?? [];
  const text = spelled[Number(number)]?.text ?? '';
  channels[channelNames[Number(channel)] ?? '']?.(response, text);
};

/** Answers each request with an error page that has the whole request. */
const echoes: RequestListener = (request, response) => void echo(request, response);

async function textOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let body = '';
  for await (const piece of request) body += String(piece);
  return body;
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await textOf(request);
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
  // Each time another part is within the beginning that a message shows.
  const parts = [...headers, request.url ?? '', body];
  const part = parts[echoed++ % parts.length] ?? '';
  response.writeHead(request.url === '/proxy-refuses' ? 407 : 500, { 'content-type': 'text/plain' }).end(part);
}
let echoed = 0;

const open: Server[] = [];
async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A server whose certificate is for a host with the name of a secret. */
function tlsServer(): Server {
  const folder = folderOf({});
  const names = `subjectAltName=DNS:${secrets['a bearer token']}.test,DNS:${secrets['a token of the admin listener']}.test`;
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    'key',
  ];
  execFileSync('openssl', [...args, '-out', 'cert', '-days', '1', '-subj', '/CN=x', '-addext', names], {
    cwd: folder,
    stdio: 'pipe',
  });
  execFileSync('sh', ['-c', `cp "${folder}/cert" "${folder}/ca"`]);
  const [cert, key] = ['cert', 'key'].map((name) => execFileSync('cat', [join(folder, name)]));
  tlsCertificate = cert?.toString('latin1') ?? '';
  return createTlsServer({ cert, key });
}
let tlsCertificate = '';

interface Ports {
  readonly repeats: number;
  readonly echoes: number;
  readonly tokens: number;
  readonly tls: number;
  readonly collector: number;
}

const configuration = (ports: Ports): string => `
server:
  auth: { bearerTokens: ["\${PUBLIC_TOKEN}"] }
  admin: { auth: { bearerTokens: ["\${ADMIN_TOKEN}"] } }
  log: { level: trace }
tracing:
  sampleRatio: 1
  otlp: { url: "http://127.0.0.1:${ports.collector}", headers: { x-team: "\${OTLP_HEADER}" } }
lookups:
  repeats:
    http: { url: "http://127.0.0.1:${ports.repeats}/{channel}/{n}", auth: { bearer: "\${BEARER}" } }
  bearer:
    http:
      url: "http://127.0.0.1:${ports.echoes}/\${PATH_PART}/{n}?q=\${QUERY}"
      method: POST
      headers: { x-file: "\${file:header}", x-own: "\${HEADER}" }
      body: { n: "{n}", secret: ${JSON.stringify(secrets['a member of a body'])} }
      auth: { bearer: "\${BEARER}" }
  basic:
    http:
      url: "http://127.0.0.1:${ports.echoes}/{n}"
      query: { c: "{constant}" }
      auth: { basic: { username: user, password: ${JSON.stringify(secrets['a password'])} } }
  oauth2:
    http:
      url: "http://127.0.0.1:${ports.echoes}/{n}"
      auth: { oauth2: { tokenUrl: "http://127.0.0.1:${ports.tokens}/", clientId: me, clientSecret: ${JSON.stringify(secrets['the secret of an OAuth2 client'])} } }
  noToken:
    http:
      url: "http://127.0.0.1:${ports.echoes}/{n}"
      auth: { oauth2: { tokenUrl: "http://127.0.0.1:${ports.echoes}/", clientId: me, authMethod: post, clientSecret: ${JSON.stringify(secrets['the secret of an OAuth2 client'])} } }
  proxied:
    http: { url: "http://crm.test/{n}", proxy: "http://me:${encodeURIComponent(secrets['the password of a proxy'])}@127.0.0.1:${ports.echoes}" }
  tunnelled:
    http: { url: "https://crm.test/{n}", proxy: "http://me:${encodeURIComponent(secrets['the password of a proxy'])}@127.0.0.1:${ports.echoes}" }
  tls:
    http: { url: "https://localhost:${ports.tls}/{n}", tls: { ca: ca.pem, cert: cert.pem, key: key.pem } }
  batch:
    http: { url: "http://127.0.0.1:${ports.echoes}/{n}" }
    batch: { maxSize: 5, http: { url: "http://127.0.0.1:${ports.echoes}/many", query: { n: "{n}", token: "\${BATCH}" } } }
  address:
    http: { url: "http://127.0.0.1:${ports.echoes}/{n}", headers: { x-callback: "\${ADDRESS}", x-store: "\${OTHER_ADDRESS}" } }
  module:
    module: { file: module.mjs, parameters: { key: "\${MODULE}" } }
pipelines:
  repeats: { enrich: [{ lookup: repeats, with: { channel: /channel, n: /n }, into: /to }] }
${['bearer', 'oauth2', 'noToken', 'proxied', 'tunnelled', 'tls', 'batch', 'address', 'module']
  .map((name) => `  ${name}: { enrich: [{ lookup: ${name}, with: { n: /n }, into: /to }] }`)
  .join('\n')}
  basic: { enrich: [{ lookup: basic, with: { n: /n, constant: { value: "\${CONSTANT}" } }, into: /to }] }
`;

const env = {
  PUBLIC_TOKEN: secrets['a token of the public listener'],
  ADMIN_TOKEN: secrets['a token of the admin listener'],
  OTLP_HEADER: secrets['a header of the collector'],
  BEARER: secrets['a bearer token'],
  PATH_PART: secrets['a part of a path'],
  QUERY: secrets['a query parameter'],
  HEADER: secrets['a header from a variable'],
  BATCH: secrets['a parameter of a batch'],
  MODULE: secrets['a parameter of a module'],
  CONSTANT: secrets['a constant of a step'],
  ADDRESS: `http://${secrets['the user of an address in a variable']}@callback.test/`,
  OTHER_ADDRESS: `redis://app:${encodeURIComponent(secrets['the password of an address in a variable'])}@redis.test/0`,
  OTEL_BSP_SCHEDULE_DELAY: '50',
};

/** Throws its parameter: to its caller, from a timer, and in a promise without a handler. */
const module = `
let key = 'missing';
export default {
  open(runtime) { key = runtime.parameters.key; },
  async asyncInvoke({ n }) {
  if (n === 1) setTimeout(() => { throw new Error('timer ' + key); }, 0);
  if (n === 2) void Promise.reject(new Error('promise ' + key));
  throw new Error('refused ' + key);
  },
};`;

/** The places in which a secret could show. Each has its text when the service has ended. */
const placeNames = [
  'the errors of records in a stream',
  'the problems of single records',
  'explain over HTTP',
  'GET /v1/pipelines',
  'GET /v1/pipelines/{pipeline}',
  'GET /openapi.json',
  'responses to requests without a token',
  '/state',
  '/metrics',
  'the response to a reload that is refused',
  'the log, with errors that no code catches',
  'the spans',
  'millrace check',
  'millrace check --json',
  'millrace check --connect',
  'millrace check with mistakes',
  'millrace explain',
  'millrace top',
  'millrace top --json',
  'the end of a start that fails',
] as const;
type Place = (typeof placeNames)[number];

const places = new Map<Place, string>();
const note = (place: Place, text: string): void => void places.set(place, `${places.get(place) ?? ''}${text}\n`);

// The access token is a secret from the moment in which it is there: `oauth2` is the first one.
const others = ['oauth2', 'bearer', 'basic', 'noToken', 'proxied', 'tunnelled', 'tls', 'batch', 'address', 'module'];

async function send(url: string, token: string, body?: string, type = 'application/x-ndjson'): Promise<string> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    ...(body === undefined ? {} : { method: 'POST', body }),
  });
  return `${JSON.stringify([...response.headers])}\n${await response.text()}`;
}

async function command(args: readonly string[], folder: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const process = new Millrace([...args, ...(args[0] === 'top' ? [] : ['-c', join(folder, 'millrace.yaml')])], {
    env: { ...env, ...more },
  });
  await process.ended;
  return process.stdout + process.stderr;
}

/** Goes to every place of a running service. */
async function visit(serving: Serving): Promise<void> {
  const { url } = serving;
  const mine = secrets['a token of the public listener'];
  const admin = secrets['a token of the admin listener'];
  const get = (path: string): Promise<string> => send(url + path, mine);
  const getAdmin = (path: string): Promise<string> => send(serving.admin.url + path, admin);

  const nine = Array.from({ length: 9 }, (_, n) => `{"n":${n}}\n`).join('');
  for (const name of others) {
    note('the errors of records in a stream', await send(`${url}/v1/enrich/${name}`, mine, nine));
    note('the problems of single records', await send(`${url}/v1/enrich/${name}`, mine, '{"n":3}', 'application/json'));
    note('explain over HTTP', await send(`${url}/v1/explain/${name}`, mine, '{"n":3}', 'application/json'));
    note('GET /v1/pipelines/{pipeline}', await get(`/v1/pipelines/${name}`));
    // The last errors of this pipeline are still among those of the service.
    note('/state', await getAdmin('/state'));
  }
  const numbers = spelled.map((_, n) => n);
  const records = channelNames.flatMap((_, channel) => numbers.map((n) => `{"channel":${channel},"n":${n}}\n`));
  note('the errors of records in a stream', await send(`${url}/v1/enrich/repeats`, mine, records.join('')));
  for (const [channel] of channelNames.entries()) {
    for (const n of numbers.filter((number) => number % 7 === channel % 7)) {
      const record = `{"channel":${channel},"n":${n}}`;
      note('the problems of single records', await send(`${url}/v1/enrich/repeats`, mine, record, 'application/json'));
    }
    note('/state', await getAdmin('/state'));
  }
  note('GET /v1/pipelines', await get('/v1/pipelines'));
  note('GET /openapi.json', await get('/openapi.json'));
  note('/metrics', await getAdmin('/metrics'));
  for (const path of [`${url}/v1/pipelines`, `${serving.admin.url}/state`])
    note('responses to requests without a token', await send(path, 'another-token-of-some-length'));
}

/** The commands, and the start and the reload of a configuration with mistakes. */
async function visitCommands(serving: Serving, folder: string, text: string): Promise<void> {
  note('millrace check', await command(['check'], folder));
  note('millrace check --json', await command(['check', '--json'], folder));
  for (const n of [0, 1, 2, 3, 4])
    note('millrace check --connect', await command(['check', '--connect', '--with', `n=${n}`, 'channel=0'], folder));
  for (const name of others) {
    const args = [join(root, 'src/cli/main.ts'), 'explain', name, '-c', join(folder, 'millrace.yaml')];
    const explain = spawnSync(process.execPath, args, {
      env: { ...process.env, ...env },
      input: '{"n":1}\n',
      encoding: 'utf8',
    });
    note('millrace explain', explain.stdout + explain.stderr);
  }
  const top = { MILLRACE_TOKEN: secrets['a token of the admin listener'] };
  note('millrace top', await command(['top', '--url', serving.admin.url], folder, top));
  note('millrace top --json', await command(['top', '--json', '--url', serving.admin.url], folder, top));
  // Every secret is part of a value that is wrong.
  const wrong = text
    .replaceAll(/(timeout|connections|client): \S+/g, '')
    .replaceAll(/tls: \{ ca: ca\.pem/g, 'tls: { ca: "${BEARER}"')
    .replaceAll('http://me:', 'socks5://me:')
    .replaceAll('tokenUrl: "http://', 'tokenUrl: "http://user:${ADMIN_TOKEN}@')
    .replaceAll('x-own: "${HEADER}"', 'x-own: "${HEADER}\\n", connection: "${HEADER}"')
    .replaceAll('{ key: "${MODULE}" }', '"${MODULE}"')
    .replaceAll('sampleRatio: 1', 'sampleRatio: "${OTLP_HEADER}"');
  writeFileSync(join(folder, 'millrace.yaml'), wrong);
  note('millrace check with mistakes', await command(['check'], folder));
  note('millrace check with mistakes', await command(['check', '--json'], folder));
  note('the end of a start that fails', await command(['serve'], folder));
  const admin = secrets['a token of the admin listener'];
  note('the response to a reload that is refused', await send(`${serving.admin.url}/reload`, admin, ''));
  // Valid, but a file cannot be read whose name is a secret.
  writeFileSync(join(folder, 'millrace.yaml'), text.replaceAll('tls: { ca: ca.pem', 'tls: { ca: "${BEARER}"'));
  note('the end of a start that fails', await command(['serve', '--port', '0', '--admin-port', '0'], folder));
  note('the response to a reload that is refused', await send(`${serving.admin.url}/reload`, admin, ''));
}

/** Starts the service and the other systems, and goes to every place. */
async function visitAll(): Promise<void> {
  const spans: string[] = [];
  const ports = {
    repeats: await portOf(createServer(repeats)),
    echoes: await portOf(
      createServer(echoes).on('connect', (request: IncomingMessage, socket) => {
        socket.end(`HTTP/1.1 502 ${request.headers['proxy-authorization']}\r\n\r\n`);
      }),
    ),
    tokens: await portOf(
      createServer((request, response) => {
        request.resume();
        response.end(JSON.stringify({ access_token: secrets['an access token'], expires_in: 3600 }));
      }),
    ),
    tls: await portOf(tlsServer()),
    // It takes the spans, and refuses them with a page that has the header with its key.
    collector: await portOf(
      createServer((request, response) => {
        void textOf(request).then((body) => {
          spans.push(body);
          return response.writeHead(400).end(`no ${String(request.headers['x-team'])}`);
        });
      }),
    ),
  };
  const text = configuration(ports);
  const folder = folderOf({
    'millrace.yaml': text,
    header: `${secrets['a header from a file']}\n`,
    'module.mjs': module,
    'ca.pem': tlsCertificate,
    'cert.pem': keyOfTls.cert.toString('latin1'),
    'key.pem': keyOfTls.key.toString('latin1'),
  });
  const serving = await serveFolder(folder, undefined, undefined, { env });
  await visit(serving);
  await visitCommands(serving, folder, text);
  serving.child.kill('SIGTERM');
  await serving.ended;
  note('the log, with errors that no code catches', serving.stdout + serving.stderr);
  note('the spans', spans.join('\n'));
}

/** What stands in these places, some of it instead of a secret: without it the test would look at the wrong places. */
const found: readonly (readonly [Place, string | RegExp])[] = [
  ['the errors of records in a stream', '***'],
  ['the errors of records in a stream', /refused \*\*\*/],
  ['the errors of records in a stream', /redirects are never followed/],
  ['the errors of records in a stream', /content-encoding: \S*\*\*\*/],
  ['the errors of records in a stream', /its certificate is for another host/],
  ['the errors of records in a stream', /no access token from/],
  ['the errors of records in a stream', /the proxy http:\S+ refused: 502/],
  ['the problems of single records', '***'],
  ['explain over HTTP', '"authorization":"***"'],
  ['GET /v1/pipelines/{pipeline}', '***'],
  ['/state', '***'],
  ['/metrics', 'millrace_lookup_token_requests_total'],
  ['the response to a reload that is refused', 'configuration_refused'],
  ['the log, with errors that no code catches', /timer \*\*\*/],
  ['the log, with errors that no code catches', /promise \*\*\*/],
  ['the log, with errors that no code catches', /spans/],
  ['the spans', '***'],
  ['millrace check', 'http://***@127.0.0.1'],
  ['millrace check', 'clientSecret: "***"'],
  ['millrace check --connect', 'failed'],
  ['millrace check with mistakes', 'socks5://***@'],
  ['millrace explain', '***'],
  ['millrace top', '***'],
  ['the end of a start that fails', 'tls.ca'],
];

function contains(text: string, expected: string | RegExp): boolean {
  return typeof expected === 'string' ? text.includes(expected) : expected.test(text);
}

test('no secret is shown in any place, however another system repeats it', { timeout: 240_000 }, async () => {
  onTestFinished(() => {
    for (const server of open) server.close();
  });
  await visitAll();
  expect([...places.keys()].toSorted()).toEqual(placeNames.toSorted());
  expect([...places].flatMap(([place, text]) => leaksIn(place, text))).toEqual([]);
  const missing = found.filter(([place, expected]) => !contains(places.get(place) ?? '', expected));
  expect(missing).toEqual([]);
});

test('a secret that shows in any spelling is found', () => {
  for (const { kind, text } of spelled) expect(leaksIn('here', `… ${text} …`)).toContain(`here shows ${kind}: ${text}`);
});
