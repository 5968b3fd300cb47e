import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadConfig, type Loaded } from '../../src/config/load.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { noProcessCounts } from '../../src/observability/metrics/counts/process-counts.ts';
import { type RunningService, type ServiceOptions, startService } from '../../src/service/start-service.ts';
import { folderOf } from './serving.ts';

const moduleSource = `
import { writeFileSync } from 'node:fs';
export default class {
  open({ parameters }) { this.parameters = parameters; }
  asyncInvoke(input, result) { result.complete([]); }
  close() {
    writeFileSync(this.parameters.closed, '');
    if (this.parameters.fails) throw new Error('it cannot be closed');
  }
}`;

/** A configuration of everything that a service opens: tracing, a module, and a table whose file is watched. */
function configuration({ port = 0, adminPort = 0, fails = false }) {
  const folder = folderOf({ 'module.mjs': moduleSource, 'rows.csv': 'id,v\n1,x\n' });
  const closed = join(folder, 'closed');
  const text = `
server: { host: 127.0.0.1, port: ${port}, admin: { host: 127.0.0.1, port: ${adminPort} }, drainTimeout: 1s }
tracing: { otlp: { url: "http://127.0.0.1:1" } }
lookups:
  own: { module: { file: ${folder}/module.mjs, parameters: { closed: ${closed}, fails: ${fails} } } }
  rows: { table: { file: ${folder}/rows.csv, key: id } }
pipelines: { test: { enrich: [ { lookup: own, into: /a }, { lookup: rows, with: { id: /id }, into: /b } ] } }
`;
  const file = join(folderOf({ 'millrace.yaml': text }), 'millrace.yaml');
  return { loaded: loadConfig({ file, env: {}, flags: {}, checks: [] }), closed };
}

function start(loaded: Loaded, { logger = false }: Partial<ServiceOptions> = {}): Promise<RunningService> {
  return startService({ loaded, load: () => loaded, logger, secrets: new Secrets(), process: noProcessCounts });
}

/** Resolves with a port on which this process listens until the test ends. */
async function takenPort(): Promise<number> {
  const holder = createServer();
  holder.listen(0, '127.0.0.1');
  await once(holder, 'listening');
  onTestFinished(async () => {
    holder.close();
    await once(holder, 'close');
  });
  return (holder.address() as AddressInfo).port;
}

const listeningServers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;

/** The number, once it is the one expected; a handle that is closed is gone some turns of the event loop later. */
async function settled(count: () => number, expected: number): Promise<number> {
  for (let turn = 0; turn < 50 && count() !== expected; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return count();
}

/** Sees the real call by which OpenTelemetry ends: what is queued is exported, then the exporter is closed. */
function tracingEnds() {
  const shutdown = vi.spyOn(BasicTracerProvider.prototype, 'shutdown');
  onTestFinished(() => shutdown.mockRestore());
  return shutdown;
}

test.each([{ listener: 'port' }, { listener: 'adminPort' }])(
  'a start that fails because the $listener is taken closes everything that it opened',
  async ({ listener }) => {
    const ended = tracingEnds();
    const taken = await takenPort();
    const { loaded, closed } = configuration({ [listener]: taken });
    await expect(start(loaded)).rejects.toThrow(`cannot listen on 127.0.0.1:${taken}: another process listens there`);
    expect(existsSync(closed)).toBe(true);
    expect(ended).toHaveBeenCalledTimes(1);
    // The hook of every test sees whether the watch of the files has left its timer.
    // Of the servers that listen, the one that has taken the port is left.
    expect(await settled(listeningServers, 1)).toBe(1);
  },
);

test('a start that fails because a lookup cannot be opened ends tracing', async () => {
  const ended = tracingEnds();
  const { loaded } = configuration({});
  const { rows } = loaded.config.lookups;
  const config = { ...loaded.config, lookups: { rows: { ...rows, table: { ...rows?.table, file: 'none.csv' } } } };
  await expect(start({ ...loaded, config: config as typeof loaded.config })).rejects.toThrow('lookup "rows"');
  expect(ended).toHaveBeenCalledTimes(1);
});

test('a failed start says why it failed, and logs what did not close', async () => {
  const { loaded, closed } = configuration({ port: await takenPort(), fails: true });
  const lines: string[] = [];
  const destination = { write: (line: string): void => void lines.push(line) };
  const logger = createLogger({ level: 'info', destination, secrets: new Secrets() });
  await expect(start(loaded, { logger })).rejects.toThrow('cannot listen on');
  expect(existsSync(closed)).toBe(true);
  expect(lines.join('')).toMatch(/close failed: it cannot be closed.*something that was open did not close/);
});

test('a service that leaves its scope is stopped', async () => {
  const ended = tracingEnds();
  const { loaded, closed } = configuration({});
  let url = '';
  {
    await using service = await start(loaded);
    url = service.url;
    expect((await fetch(`${url}/v1/pipelines`)).status).toBe(200);
    expect(existsSync(closed)).toBe(false);
  }
  expect(existsSync(closed)).toBe(true);
  expect(ended).toHaveBeenCalledTimes(1);
  await expect(fetch(`${url}/v1/pipelines`)).rejects.toThrow('fetch failed');
});

test('a service stops once, however often it is stopped', async () => {
  const ended = tracingEnds();
  const service = await start(configuration({}).loaded);
  expect(await Promise.all([service.stop(), service.stop()])).toEqual([0, 0]);
  expect(await service.stop()).toBe(0);
  expect(ended).toHaveBeenCalledTimes(1);
});

test('a lookup that fails to close rejects the stop, after everything else is closed', async () => {
  const ended = tracingEnds();
  const service = await start(configuration({ fails: true }).loaded);
  await expect(service.stop()).rejects.toThrow('close failed: it cannot be closed');
  expect(ended).toHaveBeenCalledTimes(1);
  await expect(fetch(service.adminUrl)).rejects.toThrow('fetch failed');
});
