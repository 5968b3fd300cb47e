// Sends a large body through every client of docs/clients.md, and prints what became of it: `npm run bench:clients`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { largeBody } from '../test/clients/large/bodies.ts';
import { browserExchange, exchange } from '../test/clients/large/exchange.ts';
import { PagePrograms, programNames } from '../test/clients/page-programs.ts';
import { direct, type Proxied, proxied, programs as proxies, type ProxyName } from '../test/proxies/proxy.ts';

const clients = [...programNames, 'browser fetch'] as const;
/** A program that is in a deadlock would begin again and again. */
const mostSeconds = 300;
const pipelines = { auto: 'test', half: 'half' } as const;

const usage = `npm run bench:clients -- [options]

  --megabytes N   size of the body; default 100
  --only A,B      some of: ${clients.join(', ')}
  --duplex D      auto (default) or half
  --through P     a proxy before the service: ${Object.keys(proxies).join('; ')}

Each client runs once, as docs/clients.md shows it; "browser fetch" is one fetch in Chromium. The records are random text, which
no coding makes much shorter. A line has: whether the client says that the response is complete; the records that were
sent and those that came back; whether they are the right ones, byte for byte; how the response was sent (spooled, if
output had to wait for the client), and the megabytes that waited; and the seconds from the start of the program to its
end. The exit code is 1 if a client did not get all within five minutes.
`;

interface Options {
  readonly bytes: number;
  readonly names: readonly (typeof clients)[number][];
  readonly pipeline: string;
  readonly through: ProxyName | undefined;
}

function oneOf<Value extends string>(name: string, values: readonly Value[], text: string): Value {
  const value = values.find((known) => known === text);
  if (value === undefined) throw new Error(`--${name} is one of ${values.join(', ')}, not ${text}`);
  return value;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      megabytes: { type: 'string', default: '100' },
      only: { type: 'string' },
      duplex: { type: 'string', default: 'auto' },
      through: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const megabytes = Number(values.megabytes);
  if (!(megabytes > 0)) throw new Error(`--megabytes is a number above 0, not ${values.megabytes}`);
  return {
    bytes: megabytes * 1e6,
    names: values.only?.split(',').map((name) => oneOf('only', clients, name)) ?? clients,
    pipeline: pipelines[oneOf('duplex', Object.keys(pipelines) as (keyof typeof pipelines)[], values.duplex)],
    through:
      values.through === undefined ? undefined : oneOf('through', Object.keys(proxies) as ProxyName[], values.through),
  };
}

const yes = (so: boolean): string => (so ? 'yes' : 'no');
const columns = [16, 10, 9, 9, 7, 9, 12, 9];
const print = (...cells: readonly (string | number)[]): void => {
  process.stdout.write(`${cells.map((cell, at) => String(cell).padEnd(columns[at] ?? 0)).join('')}\n`);
};

async function sendAll({ bytes, names, pipeline }: Options, service: Proxied, folder: string): Promise<boolean> {
  const programs = new PagePrograms(mostSeconds);
  try {
    const shown = programNames.filter((name) => names.includes(name));
    await programs.prepare(shown);
    const body = await largeBody(join(folder, 'in.ndjson'), bytes);
    process.stdout.write(`${(body.bytes / 1e6).toFixed(0)} MB, ${body.count} records\n`);
    print('client', 'complete', 'sent', 'received', 'equal', 'mode', 'spooled MB', 'seconds');
    let all = true;
    for (const name of names) {
      // One client after the other: they share the machine.
      // oxlint-disable no-await-in-loop
      const result =
        name === 'browser fetch'
          ? await browserExchange(service, pipeline, bytes)
          : await exchange(programs, name, service, pipeline, body);
      // oxlint-enable no-await-in-loop
      const { complete, recordsIn, recordsOut, equal, spooledBytes, seconds, errors } = result;
      const mode = spooledBytes > 0 ? 'spooled' : 'full';
      const spooled = (spooledBytes / 1e6).toFixed(0);
      print(name, yes(complete), recordsIn, recordsOut, yes(equal), mode, spooled, seconds.toFixed(1));
      if (errors !== '') process.stderr.write(`${errors.trimEnd()}\n`);
      all &&= complete && equal;
    }
    return all;
  } finally {
    programs.remove();
  }
}

async function main(options: Options): Promise<void> {
  const server = { cors: { origins: ['http://page.example'] } };
  const folder = mkdtempSync(join(tmpdir(), 'millrace-large-'));
  const { through } = options;
  const service = await (through === undefined ? direct(server) : proxied(through, server));
  try {
    if (!(await sendAll(options, service, folder))) process.exitCode = 1;
  } finally {
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}

try {
  const options = readOptions();
  if (options === undefined) process.stdout.write(usage);
  else await main(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
