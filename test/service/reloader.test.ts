import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Reloader } from '../../src/service/reloader.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { Generation } from '../../src/pipeline/generations.ts';

function text(pipeline: string, server = '{}'): string {
  return `server: ${server}
lookups: { far: { http: { url: "http://127.0.0.1:1/{n}" } } }
pipelines: { ${pipeline}: { enrich: [ { lookup: far, with: { n: /n }, into: /v } ] } }`;
}

/** A reloader of a file; the test decides when its generations open. */
function reloading({ content = text('first') } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-reload-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'millrace.yaml');
  const write = (next: string): void => writeFileSync(file, next);
  write(content);
  const load = (): Loaded => loadConfig({ file, env: {}, flags: {}, checks: [] });
  const clock = virtualClock();
  const events: string[] = [];
  const held: (() => void)[] = [];
  const said: Record<string, unknown>[] = [];
  const options = { hold: false, broken: undefined as Error | undefined };
  const reloader = new Reloader({
    started: load(),
    load,
    async build({ config }, number) {
      const [name = ''] = Object.keys(config.pipelines);
      events.push(`build ${number} ${name}`);
      if (options.hold) await new Promise<void>((resolve) => held.push(resolve));
      if (options.broken !== undefined) throw options.broken;
      const close = async (): Promise<void> => void events.push(`close ${name}`);
      return new Generation({
        config,
        pipelines: { names: [name], get: () => undefined, close },
        describe: () => name,
      });
    },
    replace: ({ pipelines }) => void events.push(`replace ${pipelines.names.join()}`),
    refused() {},
    reloaded: (succeeded) => void events.push(succeeded ? 'succeeded' : 'failed'),
    clock,
    logger: createLogger({
      level: 'info',
      destination: { write: (line) => void said.push(JSON.parse(line)) },
      secrets: new Secrets(),
    }),
  });
  onTestFinished(() => reloader.stop());
  return { reloader, write, clock, events, held, said, options };
}

/** Lets the work that has begun continue until it waits for the test. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('the new configuration replaces the old one when it is open, and only then is the reload a success', async () => {
  const { reloader, write, events } = reloading();
  write(text('second'));
  await reloader.reload('SIGHUP');
  expect(events).toEqual(['build 2 second', 'replace second', 'succeeded']);
});

test('reload requests during a reload are answered by one more reload after it', async () => {
  const { reloader, write, events, held, options } = reloading();
  options.hold = true;
  const first = reloader.reload('SIGHUP');
  const others = [reloader.reload('SIGHUP'), reloader.reload('file'), reloader.reload('SIGHUP')];
  write(text('second'));
  options.hold = false;
  held.shift()?.();
  await Promise.all([first, ...others]);
  expect(events).toEqual([
    'build 2 first',
    'replace first',
    'succeeded',
    'build 3 second',
    'replace second',
    'succeeded',
  ]);
});

test('a configuration that cannot be opened changes nothing, and the next attempt has another number', async () => {
  const { reloader, events, said, options } = reloading();
  options.broken = new Error('lookup "far": no');
  await reloader.reload('SIGHUP');
  options.broken = undefined;
  await reloader.reload('SIGHUP');
  expect(events).toEqual(['build 2 first', 'failed', 'build 3 first', 'replace first', 'succeeded']);
  expect(said[0]).toMatchObject({ level: 'error', cause: 'SIGHUP', msg: expect.stringMatching(/not reloaded.*no$/) });
});

test('a service that stops while it opens a new configuration closes it again, and reloads no more', async () => {
  const { reloader, write, events, held, options, said, clock } = reloading();
  options.hold = true;
  write(text('second'));
  const running = reloader.reload('SIGHUP');
  await turn();
  const stopped = reloader.stop();
  await reloader.reload('SIGHUP');
  held.shift()?.();
  await Promise.all([running, stopped]);
  expect(events).toEqual(['build 2 second', 'close second']);
  expect(said.map(({ msg }) => msg)).toEqual([expect.stringContaining('the service is stopping')]);
  expect(clock.timers).toBe(0);
});

test('server.watch decides whether files are checked, and a reload can change it', async () => {
  const { reloader, write, clock } = reloading();
  expect(clock.timers).toBe(1);
  write(text('first', '{ watch: false }'));
  await reloader.reload('SIGHUP');
  expect(clock.timers).toBe(0);
  write(`${text('first', '{ watch: false }')}\nnonsense: 1`);
  await reloader.reload('SIGHUP');
  expect(clock.timers).toBe(0);
  write(text('first'));
  await reloader.reload('SIGHUP');
  expect(clock.timers).toBe(1);
});
