import { expect, test } from 'vitest';
import { heldEnd, httpEnd } from '../connectors/http/far-end.ts';
import { linesOf, startInProcess } from './in-process.ts';

test('/livez and /readyz are 200 while one lookup does not answer and another one fails', async () => {
  const silent = await heldEnd();
  const broken = await httpEnd((_, response) => response.writeHead(500).end());
  const { service, enrich } = await startInProcess(
    {
      silent: { http: { url: `${silent.origin}/{key}`, connections: 1 } },
      broken: { http: { url: `${broken.origin}/{key}` }, breaker: { minimum: 1 } },
    },
    {
      timeout: '1h',
      enrich: [
        { lookup: 'silent', with: { key: '/s' }, into: '/a', when: 'has(record.s)' },
        { lookup: 'broken', with: { key: '/b' }, into: '/a', when: 'has(record.b)' },
      ],
    },
  );
  const hanging = enrich('{"s":1}\n{"s":2}\n');
  const call = await silent.next();
  const failed = linesOf(await enrich('{"b":1}\n{"b":2}\n'));
  expect(failed.every((line) => '_error' in line)).toBe(true);
  for (const path of ['/livez', '/readyz']) {
    expect([path, (await fetch(service.adminUrl + path)).status]).toEqual([path, 200]);
  }
  call.response.end('1');
  (await silent.next()).response.end('2');
  expect(await hanging).toBe('{"s":1,"a":1}\n{"s":2,"a":2}\n');
});
