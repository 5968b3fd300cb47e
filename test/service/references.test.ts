import { describe, expect, test } from 'vitest';
import { httpEnd } from '../connectors/http/far-end.ts';
import { startConfigured } from './configured.ts';

interface Received {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Another system that records the requests it receives. */
async function remembering() {
  const received: Received[] = [];
  const end = await httpEnd((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ url: request.url ?? '', headers: request.headers as Record<string, string>, body });
      response.end('{}');
    });
  });
  return { origin: end.origin, received };
}

const values = [
  'abc{{d}}e',
  'ab{id}c',
  'abc}def',
  'k{s3cret}',
  '{id}',
  '{{',
  '}',
  'a/b?c=d&e#f',
  '%41 +"\\\'<>',
  '${OTHER}',
  '$${x}',
  'a: b # c',
  '1.0',
];

describe.each(values)('a reference whose value is %s', (value) => {
  test('arrives unchanged at the other system, from any place of the request', async () => {
    const { origin, received } = await remembering();
    const configuration = `
lookups:
  far:
    http:
      url: "${origin}/in/\${KEY}/x-\${KEY}/{id}?q=\${KEY}&id={id}"
      method: POST
      query: { r: "[\${KEY}]{id}" }
      headers: { x-api-key: "\${KEY}", x-mixed: "{id} \${KEY}" }
      body: { exact: "\${KEY}", mixed: "<\${KEY}> {id}", list: ["\${file:secret}"], default: "\${NONE:-\${KEY}}" }
pipelines:
  test: { enrich: [ { lookup: far, with: { id: /id }, into: /answer } ] }
`;
    const given = { env: { KEY: value }, files: { secret: `${value}\n` } };
    const { enrich } = await startConfigured(configuration, given);
    expect(await enrich('{"id":"7"}\n')).toBe('{"id":"7","answer":{}}\n');
    const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = received;
    const [path = '', query = ''] = url.split('?');
    expect(path.split('/').slice(2).map(decodeURIComponent)).toEqual([value, `x-${value}`, '7']);
    expect([...new URLSearchParams(query)]).toEqual([
      ['q', value],
      ['id', '7'],
      ['r', `[${value}]7`],
    ]);
    expect(headers).toMatchObject({ 'x-api-key': value, 'x-mixed': `7 ${value}` });
    expect(JSON.parse(body)).toEqual({ exact: value, mixed: `<${value}> 7`, list: [value], default: value });
  });

  test('is unchanged in a text body, a constant, a fallback, a condition and a pointer', async () => {
    const { origin, received } = await remembering();
    const configuration = `
lookups:
  far:
    http:
      url: "${origin}/{k}"
      method: POST
      headers: { content-type: application/x-www-form-urlencoded }
      body: "a=\${KEY}&b={k}"
  lost: { http: { url: "http://127.0.0.1:1/{id}" } }
pipelines:
  test:
    enrich:
      - { lookup: far, with: { k: { value: "\${KEY}" } }, into: "/answer/\${KEY}", when: 'record.id == "\${KEY}"' }
      - { lookup: lost, with: { id: /id }, into: /other }
    onError: { value: { is: "\${KEY}" } }
`;
    const { enrich } = await startConfigured(configuration, { env: { KEY: value } });
    const record = { id: value };
    const line = await enrich(`${JSON.stringify(record)}\n{"id":"else"}\n`);
    const [first, second] = line
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as unknown);
    expect(first).toEqual({ id: value, answer: { [value]: {} }, other: { is: value } });
    expect(second).toEqual({ id: 'else', other: { is: value } });
    expect(received.map(({ url }) => decodeURIComponent(url))).toEqual([`/${value}`]);
    expect([...new URLSearchParams(received[0]?.body)]).toEqual([
      ['a', value],
      ['b', value],
    ]);
  });
});

test('an address from a reference keeps its path and its query, and its braces are no template', async () => {
  const { origin, received } = await remembering();
  const { enrich } = await startConfigured(
    `
lookups:
  far: { http: { url: "\${BASE}/{id}" } }
  near: { http: { url: "http://\${HOST:-\${NONE:-nowhere}}\${PREFIX}/{id}" } }
pipelines:
  test: { enrich: [ { lookup: far, with: { id: /id }, into: /a }, { lookup: near, with: { id: /id }, into: /b } ] }
`,
    { env: { BASE: `${origin}/api/v1/{x}%20y`, HOST: origin.slice('http://'.length), PREFIX: '/p/q' } },
  );
  await enrich('{"id":"7"}\n');
  expect(received.map(({ url }) => url).toSorted()).toEqual(['/api/v1/%7Bx%7D%20y/7', '/p/q/7']);
});

test('a number of the configuration keeps its spelling in every place where it is data', async () => {
  const { origin, received } = await remembering();
  const numbers = '[12345678901234567890, 1.0, 1e400, -0, 0.10, 1E+2, 0xFFFFFFFFFFFFFFFFFF, 0o17, +5, .5, 007, 3]';
  const json = '[12345678901234567890,1.0,1e400,-0,0.10,1E+2,4722366482869645213695,15,5,0.5,7,3]';
  const { enrich } = await startConfigured(`
lookups:
  far:
    http:
      url: "${origin}/{k}/{d}/{n}"
      method: POST
      body: { k: "{k}", d: "{d}", all: ${numbers}, 1.0: x }
  lost: { http: { url: "http://127.0.0.1:1/" } }
pipelines:
  test:
    enrich:
      - { lookup: far, with: { k: { value: 12345678901234567890 }, d: { value: 1.0 }, n: { value: 3 } }, into: /a }
      - { lookup: lost, into: /b }
    onError: { value: ${numbers} }
`);
  expect(await enrich('{}\n')).toBe(`{"a":{},"b":${json}}\n`);
  expect(received).toMatchObject([
    { url: '/12345678901234567890/1.0/3', body: `{"k":12345678901234567890,"d":1.0,"all":${json},"1.0":"x"}` },
  ]);
});
