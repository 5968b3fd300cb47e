import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { answered, sent } from '../../proxies/records.ts';

/** A text that no coding makes much shorter: 1000 characters, of 6 bits each. */
const pad = (): string => `,"pad":"${randomBytes(750).toString('base64')}"`;
const blockRecords = 500;

/** A file of records, and what a complete response to it has. */
export interface LargeBody {
  readonly path: string;
  readonly count: number;
  readonly bytes: number;
  /** The SHA-256 of the enriched records, in their order. */
  readonly digest: string;
}

/** Writes about so many bytes of records into a file. */
export async function largeBody(path: string, bytes: number): Promise<LargeBody> {
  const file = createWriteStream(path);
  const hash = createHash('sha256');
  let count = 0;
  let written = 0;
  while (written < bytes) {
    const pads = Array.from({ length: blockRecords }, pad);
    const from = count;
    const block = pads.map((more, at) => sent(from + at, more)).join('');
    hash.update(pads.map((more, at) => answered(from + at, more)).join(''));
    count += blockRecords;
    written += block.length;
    // oxlint-disable-next-line no-await-in-loop
    if (!file.write(block)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
  return { path, count, bytes: written, digest: hash.digest('hex') };
}

/** The lines of a file, and its SHA-256. */
export async function linesAndDigest(path: string): Promise<{ readonly count: number; readonly digest: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
  }
  return { count, digest: hash.digest('hex') };
}
