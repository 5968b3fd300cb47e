import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/core/json/json.ts';
import { linesOf } from './in-process.ts';
import { folderOf, Millrace, serve, type Serving } from './serving.ts';
import { join } from 'node:path';

const config = `
lookups: { own: { module: { file: own.mjs } } }
pipelines:
  test:
    mode: unordered
    enrich: [ { lookup: own, with: { how: /how }, into: /answer } ]`;

/** A function that fails in every way that its caller cannot catch, and in some that it can. */
const own = `
import { EventEmitter } from 'node:events';
import { createServer } from 'node:net';
const turn = () => new Promise((resolve) => setImmediate(resolve));
const later = (work) => void setImmediate(work);
const revoked = () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; };
const fails = async (why) => { throw new Error(why); };
const ways = {
  async rejectedBeforeItIsAwaited() { const u = fails('early'); await turn(); await turn(); return [await u]; },
  async oneOfSeveral() { return [await Promise.all([fails('first'), fails('second')])]; },
  async revoked() { throw revoked(); },
  forgotten() { void fails('forgotten'); return ['fine']; },
  forgottenRevoked() { void Promise.reject(revoked()); return ['fine']; },
  timer() { setTimeout(() => { throw new Error('of a timer'); }, 0); return ['fine']; },
  timerNull() { setTimeout(() => { throw null; }, 0); return ['fine']; },
  timerRevoked() { later(() => { throw revoked(); }); return ['fine']; },
  nextTick() { process.nextTick(() => { throw new Error('of a tick'); }); return ['fine']; },
  microtask() { queueMicrotask(() => { throw new Error('of a microtask'); }); return ['fine']; },
  emitter() { later(() => new EventEmitter().emit('error', new Error('of an emitter'))); return ['fine']; },
  socket() { const s = createServer(); s.listen(-0, 'no such host.invalid'); return ['fine']; },
  abort({ signal }) { const c = new AbortController(); c.signal.onabort = () => { throw new Error('of an event'); }; c.abort(); return ['fine']; },
  fine: () => ['fine'],
};
export default ({ how }, context) => ways[how](context);`;

const failing = ['rejectedBeforeItIsAwaited', 'oneOfSeveral', 'revoked'];
const leaving = ['forgotten', 'forgottenRevoked', 'timer', 'timerNull', 'timerRevoked', 'nextTick', 'microtask'];
const leavingByEvent = ['emitter', 'socket', 'abort'];

async function enrich(serving: Serving, ways: readonly string[]): Promise<ReturnType<typeof linesOf>> {
  const body = ways.map((how) => `{"how":"${how}"}\n`).join('');
  const headers = { 'content-type': 'application/x-ndjson' };
  return linesOf(
    await (await fetch(`${serving.url}/v1/enrich/test?mode=ordered`, { method: 'POST', headers, body })).text(),
  );
}

async function single(serving: Serving, agent: Agent, how: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const sent = request(`${serving.url}/v1/enrich/test`, { method: 'POST', agent, headers }).end(`{"how":"${how}"}`);
  const [response]: IncomingMessage[] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Uint8Array[] = (await response?.toArray()) ?? [];
  return parseJson(Buffer.concat(chunks).toString());
}

describe('the service survives every error of a module:', () => {
  test(
    'errors of a record are in that record, other errors in the log, and all streams continue',
    { timeout: 60_000 },
    async () => {
      const serving = await serve({ 'millrace.yaml': config, 'own.mjs': own });
      const stream = request(`${serving.url}/v1/enrich/test`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
      });
      stream.write('{"how":"fine","n":1}\n');
      const [response] = await once(stream, 'response');
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => (text += more));

      const failed = await enrich(serving, failing);
      expect(failed.map(({ _error }) => _error)).toMatchObject([
        { code: 'function_error', message: 'early' },
        { code: 'function_error', message: 'first' },
        { code: 'function_error', message: expect.stringMatching(/./) },
      ]);
      const left = [...leaving, ...leavingByEvent];
      expect(await enrich(serving, left)).toEqual(left.map((how) => ({ how, answer: 'fine' })));
      for (const said of [
        'forgotten',
        'of a timer',
        'of a tick',
        'of a microtask',
        'of an emitter',
        'ENOTFOUND|EAI_AGAIN',
        'of an event',
        '"null"',
      ])
        await serving.says(new RegExp(said));
      // Both rejections are reported after a second; the counts are updated with the lines of the log.
      await serving.says(/(?:"rejection"[^]*){2}/);
      expect(await serving.admin.metric('millrace_uncaught_errors_total')).toBe(left.length);
      const logged = serving.stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => parseJson(line));
      expect(logged).toContainEqual(
        expect.objectContaining({
          level: 'error',
          origin: 'exception',
          source: 'module',
          err: expect.objectContaining({ message: 'of a timer', stack: expect.stringContaining('own.mjs') }),
        }),
      );
      expect(serving.stderr).not.toContain('"message":"early"');

      // A single record on a kept connection: the next request on it is read as well.
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (const how of ['nextTick', 'abort', 'fine', 'timer', 'fine']) {
        expect(await single(serving, agent, how)).toEqual({ how, answer: 'fine' });
      }
      agent.destroy();

      stream.end('{"how":"fine","n":2}\n');
      await once(response, 'end');
      expect(linesOf(text)).toEqual([
        { how: 'fine', n: 1, answer: 'fine' },
        { how: 'fine', n: 2, answer: 'fine' },
      ]);
      expect(response.trailers).toMatchObject({ 'millrace-status': 'complete' });
      serving.child.kill('SIGTERM');
      expect(await serving.ended).toEqual([0, null]);
    },
  );

  test('an exception during the start ends it with the stack and exit 1', { timeout: 60_000 }, async () => {
    const module = `setTimeout(() => { throw new Error('too early'); }); await new Promise(() => {});`;
    const file = join(folderOf({ 'millrace.yaml': config, 'own.mjs': module }), 'millrace.yaml');
    const millrace = new Millrace(['serve', '-c', file, '--port', '0', '--admin-port', '0', '--log-level', 'silent']);
    expect(await millrace.ended).toEqual([1, null]);
    expect(millrace.stderr).toMatch(
      /^millrace: an error that no code caught ended the start: Error: too early\n {4}at .*own\.mjs/,
    );
  });

  test('work that a module leaves running does not delay the end of the service', { timeout: 60_000 }, async () => {
    const module = `setInterval(() => {}, 1000); export default () => ['fine'];`;
    const serving = await serve({ 'millrace.yaml': config, 'own.mjs': module });
    serving.child.kill('SIGTERM');
    expect(await serving.ended).toEqual([0, null]);
  });
});
