import { expect, test } from 'vitest';
import { httpEnd } from '../connectors/http/far-end.ts';
import { folderOf, Millrace, serveFolder } from './serving.ts';

const configuration = `
lookups:
  far: { http: { url: "http://crm.test/{id}" } }
pipelines:
  test: { enrich: [{ lookup: far, with: { id: /id }, into: /far }] }
`;

test('a service reads HTTP_PROXY, calls through it, and shows its password nowhere', async () => {
  const asked: (string | undefined)[] = [];
  const proxy = await httpEnd(({ url, headers }, response) => {
    asked.push(url, headers['proxy-authorization']);
    response.writeHead(503).end(`no way for ${headers['proxy-authorization']}, pr0xy-pass%2Fword, pr0xy-pass/word`);
  });
  const address = proxy.origin.replace('//', '//me:pr0xy-pass%2Fword@');
  const serving = await serveFolder(folderOf({ 'millrace.yaml': configuration }), undefined, undefined, {
    env: { HTTP_PROXY: address },
  });
  const response = await fetch(`${serving.url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"id":7}\n',
  });
  const line = await response.text();
  expect(line).toContain(`http://crm.test answered 503 through the proxy ${proxy.origin}`);
  const credentials = Buffer.from('me:pr0xy-pass/word').toString('base64');
  expect(asked).toEqual(['http://crm.test/7', `Basic ${credentials}`]);
  const shown = await (await fetch(`${serving.url}/v1/pipelines/test`)).text();
  for (const text of [line, shown, serving.stderr, serving.stdout]) {
    for (const secret of ['pr0xy-pass/word', 'pr0xy-pass%2Fword', credentials]) expect(text).not.toContain(secret);
  }
});

test('check shows the proxy of the environment without its password, and names the variable of a mistake', async () => {
  const file = `${folderOf({ 'millrace.yaml': configuration })}/millrace.yaml`;
  const good = new Millrace(['check', '-c', file], { env: { http_proxy: 'me:pr0xy-pass@proxy.test:3128' } });
  expect(await good.ended).toEqual([0, null]);
  expect(good.stdout).toContain('proxy: http://***@proxy.test:3128');
  const bad = new Millrace(['check', '-c', file], { env: { HTTP_PROXY: 'socks5://me:pr0xy-pass@proxy.test' } });
  expect((await bad.ended)[0]).not.toBe(0);
  expect(bad.stderr).toContain('environment variable HTTP_PROXY');
  expect(bad.stderr).toContain('expected http:// or https://, host and port of a proxy');
  expect(bad.stderr + bad.stdout).not.toContain('pr0xy-pass');
});
