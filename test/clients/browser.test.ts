import { expect, test } from 'vitest';
import { runPage } from '../http/access/browser.ts';
import { answeredKeyed, keyed, killedService } from './killed-service.ts';
import { shown } from './page-programs.ts';

const lines = 2500;

/** A page that sends `lines` records, and returns those that came back, or the error. */
const script = (url: string, path: string): string => `
  ${shown('resume_browser.js')}
  const lines = ${JSON.stringify(keyed(lines))}.trimEnd().split('\\n');
  const taken = [];
  await enrich(${JSON.stringify(url + path)}, lines, (records) => taken.push(...records));
  return taken;`;

test(
  'a browser gets each record once, in order, although the service is killed twice',
  { timeout: 90_000 },
  async () => {
    const { url, kills } = await killedService([1300, 2600]);
    const result = await runPage({ host: 'page.example', script: script(url, '/v1/enrich/test') });
    expect(kills()).toBe(2);
    expect(Array.isArray(result)).toBe(true);
    expect((result as string[]).map((line) => `${line}\n`).join('') === answeredKeyed(lines)).toBe(true);
  },
);

test('a browser reads why its stream is cut, and why its request is refused', { timeout: 90_000 }, async () => {
  const { url } = await killedService([], 'onInvalid: fail, ');
  const attempt = (path: string, sent: string): string => `
    await enrich(${JSON.stringify(`${url}/v1/enrich/`)} + '${path}', [${JSON.stringify(sent)}], () => {})
      .catch((error) => error.message)`;
  const cut = await runPage({
    host: 'page.example',
    script: `${shown('resume_browser.js')}
      return [${attempt('test', 'no JSON')}, ${attempt('tset', '{}')}];`,
  });
  expect(cut).toEqual([expect.stringContaining('line 1'), expect.stringContaining('unknown_pipeline')]);
});
