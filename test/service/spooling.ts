import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { filesOf } from '../http/spool/files-of.ts';
import { WireClient } from '../http/wire-client.ts';
import { folderOf, type ProcessOptions, serveFolder, type Serving } from './serving.ts';

/** Each line of the body makes a line of output of this many bytes and a few: the kernel holds some hundred of them. */
export const lineBytes = 65_536;

export interface Spooling {
  readonly service: Serving;
  /** The id of its process. */
  readonly pid: number;
  /** Its `server.spool.dir`. */
  readonly dir: string;
}

/** The command that mounts a file system in a namespace of its own, where it runs the process. */
export function mounted(dir: string, options: string): readonly string[] {
  return [
    'unshare',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o ${options} tmpfs ${dir} && exec "$@"`,
    'sh',
  ];
}

/** A service with `server` beside `spool`, which enriches each record of the pipeline `test` by 64 KiB. */
export async function serveSpooling(
  server = '',
  options: (dir: string) => ProcessOptions = () => ({}),
): Promise<Spooling> {
  const folder = folderOf({
    'millrace.yaml': `server: { spool: { dir: spool }, ${server} }
lookups: { rows: { table: { file: rows.ndjson, key: key } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { key: /key }, into: /answer } ] } }`,
    'rows.ndjson': `{"key":"1","pad":"${'p'.repeat(lineBytes)}"}\n`,
  });
  const dir = join(folder, 'spool');
  mkdirSync(dir);
  const service = await serveFolder(folder, undefined, undefined, options(dir));
  return { service, dir, pid: service.child.pid ?? 0 };
}

/** A stream of a client that reads nothing before `read`, and sends records without waiting for anything. */
export class LateReader {
  readonly #client: WireClient;

  private constructor(client: WireClient) {
    this.#client = client;
    client.keepChars = 2 * lineBytes;
  }

  static async open({ service }: Spooling, query = 'duplex=half&control=true'): Promise<LateReader> {
    const client = await WireClient.open(service.port);
    onTestFinished(() => void client.socket.destroy());
    client.socket.pause();
    client.head(`/v1/enrich/test?${query}`, 'Connection: close', 'Transfer-Encoding: chunked');
    return new LateReader(client);
  }

  /** `padBytes`: how much longer each record is. */
  send(records: number, padBytes = 0): void {
    this.#client.chunk(`{"key":"1","pad":"${'x'.repeat(padBytes)}"}\n`.repeat(records));
  }

  end(): void {
    this.#client.write('0\r\n\r\n');
  }

  read(): void {
    this.#client.socket.resume();
  }

  /** Reads from now on, until the text came. */
  async until(text: string): Promise<void> {
    this.read();
    await this.#client.until(text);
  }

  /** Reads all that comes. Returns the last characters, which are fewer than three lines of output. */
  async last(): Promise<string> {
    this.read();
    await this.#client.untilEnded();
    return this.#client.received;
  }

  get receivedBytes(): number {
    return this.#client.receivedBytes;
  }
}

/** Resolves with the state of the service once it is as expected. */
export async function untilState(
  { service }: Spooling,
  isSo: (state: Awaited<ReturnType<Serving['admin']['state']>>) => boolean,
): Promise<void> {
  while (!isSo(await service.admin.state())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Resolves once the streams have written so many records, and all that is not kept in memory is on disk. */
export async function untilOnDisk(spooling: Spooling, records: number): Promise<void> {
  await untilState(spooling, ({ streams, spool }) => {
    const written = streams.reduce((sum, stream) => sum + Number(stream['written']), 0);
    const diskBytes = Number(spool['diskBytes']);
    const inMemory = Number(spool['bytes']) - diskBytes;
    if (written < records || diskBytes === 0 || inMemory > 5 * lineBytes * streams.length) return false;
    return filesOf(spooling.dir, spooling.pid).bytes === diskBytes;
  });
}

/** Resolves once nothing is spooled: neither counted, nor in a file that is open. */
export async function untilNothingSpooled(spooling: Spooling): Promise<void> {
  await untilState(
    spooling,
    ({ spool, streams }) =>
      [spool['streams'], spool['bytes'], spool['diskBytes'], streams.length].every((count) => count === 0) &&
      filesOf(spooling.dir, spooling.pid).count === 0,
  );
}
