import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { env } from '../cli/run/fixture.ts';
import { folderOf, Millrace, serveFolder, type Serving } from '../service/serving.ts';
import { freePort, listening, programs, shown } from './proxy.ts';

/** Answers after 20 to 27 ms, and fails for some records. */
const lookup = `
export default async ({ id }) => {
  await new Promise((resolve) => setTimeout(resolve, 20 + ((id * 7919) % 8)));
  if (id % 13 === 5) throw new Error('unlucky ' + id);
  return [{ n: id }];
};`;
const configuration = `
server: { drainTimeout: 2s, log: { level: silent } }
lookups: { far: { module: { file: far.mjs } } }
pipelines: { test: { mode: ordered, capacity: 2, enrich: [ { lookup: far, with: { id: /id }, into: /far } ] } }`;

const line = (id: number): string => `{"id":${id}, "float":1.0, "text":"${'ä'.repeat(40)}"}\n`;
const linesFrom = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => line(from + index)).join('');

/** A `millrace run --url` that has lines under way until `end`; all clients send the same lines, some more of them. */
class Client {
  readonly run: Millrace;
  sent = 0;
  received = 0;
  #ending = false;

  constructor(url: string) {
    this.run = new Millrace(['run', 'test', '--url', url], { env, input: true });
    this.run.child.stdout?.on('data', (lines: string) => {
      this.received += lines.split('\n').length - 1;
      this.#feed();
    });
    this.#feed();
  }

  /** Resolves when so many more lines have come back. */
  async progress(count: number): Promise<void> {
    const least = this.received + count;
    while (this.received < least) {
      if (!this.run.running) throw new Error(`a client ended:\n${this.run.stderr}`);
      await wait(20);
    }
  }

  end(): void {
    this.#ending = true;
    this.run.child.stdin?.end();
  }

  #feed(): void {
    while (!this.#ending && this.sent - this.received < 100) {
      this.run.child.stdin?.write(linesFrom(this.sent, 25));
      this.sent += 25;
    }
  }
}

const headers = { 'content-type': 'application/x-ndjson' };

/** Sends small requests, one after the other, each of them whole at once; keeps those that were not answered well. */
class SmallRequests {
  answered = 0;
  readonly failed: unknown[] = [];
  readonly #done: Promise<void>;
  #ending = false;

  constructor(url: string, expected: string) {
    this.#done = this.#sendAll(`${url}/v1/enrich/test`, expected);
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#done;
  }

  async #sendAll(url: string, expected: string): Promise<void> {
    while (!this.#ending) {
      try {
        const response = await fetch(url, { method: 'POST', headers, body: linesFrom(0, 3) });
        const body = await response.text();
        if (response.status === 200 && body === expected) this.answered += 1;
        else this.failed.push([response.status, body]);
      } catch (error) {
        this.failed.push(error);
      }
    }
  }
}

/** Three services, each with an address of its own and the same ports, as on three machines. */
async function services(folder: string) {
  const [port, adminPort] = [await freePort(), await freePort()];
  const network = `127.${20 + (process.pid % 200)}.${20 + (port % 200)}.`;
  const start = (place: number): Promise<Serving> => {
    const host = network + (place + 1);
    const flags = ['--host', host, '--port', String(port), '--admin-host', host, '--admin-port', String(adminPort)];
    return serveFolder(folder, undefined, flags, { env });
  };
  return { port, adminPort, network, start, running: await Promise.all([0, 1, 2].map(start)) };
}

type Services = Awaited<ReturnType<typeof services>>;

/** Starts a proxy as the page shows it. Returns its URL. */
async function proxy(
  name: 'HAProxy' | 'nginx, TCP',
  folder: string,
  { network, port, adminPort }: Services,
  more = '',
): Promise<string> {
  const proxied = programs[name];
  const { language } = proxied;
  const own = await freePort();
  const fragment = shown(language, 'rolling', [
    ['10.0.0.', network],
    [':8080', `:${port}`],
    ...(language === 'haproxy' ? [['port 8081', `port ${adminPort}`] as const] : []),
    [/(listen|bind) (?:\*:)?80\b/, (_, word) => `${word} 127.0.0.1:${own}`],
  ]);
  const [program, ...args] = proxied.command({ folder, fragment: more + fragment });
  onTestFinished(await listening(program, args, [own]));
  return `http://127.0.0.1:${own}`;
}

/** Resolves when HAProxy sends requests to all of its servers. */
async function allUp(socket: string): Promise<void> {
  for (;;) {
    const admin = connect(socket);
    await once(admin, 'connect');
    admin.end('show stat\n');
    const servers = (await text(admin)).split('\n').map((row) => row.split(','));
    const [head = [], ...rows] = servers;
    const status = head.indexOf('status');
    const up = rows.filter(([, name, ...rest]) => /^(one|two|three)$/.test(name ?? '') && rest[status - 2] === 'UP');
    if (up.length === 3) return;
    await wait(50);
  }
}

test('a rolling restart, twice round, and a kill: each of 24 clients has the output of an undisturbed run', async () => {
  const folder = folderOf({ 'millrace.yaml': configuration, 'far.mjs': lookup });
  const group = await services(folder);
  const socket = join(folder, 'haproxy.sock');
  const haproxy = await proxy('HAProxy', folder, group, `global\n  stats socket ${socket} level user\n`);
  const nginx = await proxy('nginx, TCP', folder, group);
  await allUp(socket);
  const clients = [...Array<string>(20).fill(haproxy), ...Array<string>(4).fill(nginx)].map((url) => new Client(url));
  const progress = (): Promise<unknown> => Promise.all(clients.map((client) => client.progress(30)));

  const undisturbed = async (count: number): Promise<string> => {
    const args = ['run', 'test', '-c', join(folder, 'millrace.yaml'), '--capacity', '1000', '--limit', String(count)];
    const run = new Millrace(args, { env, input: true });
    run.child.stdin?.end(linesFrom(0, count));
    expect(await run.ended).toEqual([0, null]);
    return run.stdout;
  };
  const restarted = async (place: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    await progress();
    group.running[place]?.child.kill(signal);
    const [code] = (await group.running[place]?.ended) ?? [];
    // 143 if streams were cut at drainTimeout, 0 if none was left by then.
    expect(signal === 'SIGTERM' ? [0, 143] : [null]).toContain(code);
    group.running[place] = await group.start(place);
    await allUp(socket);
  };
  const small = await undisturbed(3);
  const round = async (): Promise<void> => {
    const requests = new SmallRequests(haproxy, small);
    for (const place of [0, 1, 2]) await restarted(place, 'SIGTERM');
    await requests.end();
    expect(requests.failed.slice(0, 3)).toEqual([]);
    expect(requests.answered).toBeGreaterThan(0);
  };

  await round();
  await restarted(1, 'SIGKILL');
  await round();
  await progress();
  for (const client of clients) client.end();
  const outputs = await Promise.all(
    clients.map(async ({ run, sent }) => {
      expect({ ended: await run.ended, stderr: run.stderr }).toMatchObject({ ended: [0, null] });
      return { sent, stdout: run.stdout, retries: run.stderr.split('trying again').length - 1 };
    }),
  );
  const whole = (await undisturbed(Math.max(...outputs.map(({ sent }) => sent)))).split(/(?<=\n)/);
  const wrong = outputs.filter(({ sent, stdout }) => stdout !== whole.slice(0, sent).join(''));
  expect(wrong.map(({ sent, stdout }) => ({ sent, received: stdout.split('\n').length - 1 }))).toEqual([]);
  expect(outputs.reduce((sum, { retries }) => sum + retries, 0)).toBeGreaterThan(clients.length);
}, 400_000);
