import { tmpdir } from 'node:os';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { RequestError } from '../../../src/core/errors.ts';
import type { Duplex } from '../../../src/core/vocabulary.ts';
import { SpoolSpace } from '../../../src/http/spool/spool-space.ts';
import { SpoolTransport } from '../../../src/http/spool/spool-transport.ts';
import { MemoryTransport } from '../stream/memory-transport.ts';

export const dir = mkdtempSync(join(tmpdir(), 'millrace-spool-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

export const mebibyte = 1024 ** 2;

export interface Opened {
  readonly inner: MemoryTransport;
  readonly spool: SpoolTransport;
  readonly space: SpoolSpace;
  /** How often the session was called back. */
  readonly called: { ready: number; gone: number; finished: number; readonly failed: RequestError[] };
}

export function open(
  duplex: Exclude<Duplex, 'full'>,
  limits: { dir?: string; stream?: number; total?: number } = {},
): Opened {
  const { stream = 1024 * mebibyte, total = 1024 * mebibyte } = limits;
  const space = new SpoolSpace(() => ({ dir: limits.dir ?? dir, streamBytes: stream, totalBytes: total }));
  const inner = new MemoryTransport();
  const spool = new SpoolTransport(inner, duplex, space);
  const called: Opened['called'] = { ready: 0, gone: 0, finished: 0, failed: [] };
  spool.open(
    { headers: {}, trailers: [] },
    {
      data: () => {},
      activity: () => {},
      end: () => {},
      gone: () => void called.gone++,
      readerReady: () => void called.ready++,
      finished: () => void called.finished++,
      failed: (reason) => void called.failed.push(reason),
      defect: (error) => {
        throw error;
      },
    },
  );
  return { inner, spool, space, called };
}

/** The client reads again: the transport below has room, and says so. */
export function read({ inner }: Opened): void {
  inner.hasRoom = true;
  inner.events.readerReady();
}

export const files = (): number => readdirSync('/proc/self/fd').length;
export const filled = (bytes: number, letter: string): Buffer => Buffer.alloc(bytes, letter);
