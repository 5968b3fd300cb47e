import { rmSync } from 'node:fs';
import type { Proxied } from '../../proxies/proxy.ts';
import { openPage } from '../../http/access/chromium.ts';
import type { PagePrograms, ProgramName } from '../page-programs.ts';
import { type LargeBody, linesAndDigest } from './bodies.ts';
import { largeRequest } from './browser-page.ts';

/** What became of a large body. */
export interface Exchange {
  /** Whether the client itself says that the response is complete. */
  readonly complete: boolean;
  readonly recordsIn: number;
  readonly recordsOut: number;
  /** Whether the output is that which the records should have, byte for byte. */
  readonly equal: boolean;
  /** Bytes of output that had to wait in the spool. */
  readonly spooledBytes: number;
  readonly seconds: number;
  /** What the client wrote to stderr. */
  readonly errors: string;
}

type Result = Pick<Exchange, 'complete' | 'recordsIn' | 'recordsOut' | 'equal' | 'errors'>;

/** Sends the file through a program of docs/clients.md. */
export function exchange(
  programs: PagePrograms,
  name: ProgramName,
  service: Proxied,
  pipeline: string,
  body: LargeBody,
): Promise<Exchange> {
  return measured(service, async () => {
    const output = `${body.path}.out`;
    const { code, stderr } = await programs.run(name, `${service.url}/v1/enrich/${pipeline}`, body.path, output);
    const { count, digest } = await linesAndDigest(output);
    rmSync(output, { force: true });
    const equal = digest === body.digest;
    return { complete: code === 0, recordsIn: body.count, recordsOut: count, equal, errors: stderr };
  });
}

/** Sends a body of so many bytes with one `fetch` of a page in Chromium. `service` allows the origin http://page.example. */
export function browserExchange(service: Proxied, pipeline: string, bytes: number): Promise<Exchange> {
  return measured(service, async () => {
    const script = largeRequest(`${service.url}/v1/enrich/${pipeline}?control=true`, bytes);
    const page = await openPage({ host: 'page.example', script });
    try {
      const result = (await page.result) as Partial<Result> & { failed?: string };
      const { complete = false, recordsIn = 0, recordsOut = 0, equal = false, failed: errors = '' } = result;
      return { complete, recordsIn, recordsOut, equal, errors };
    } finally {
      await page.close();
    }
  });
}

async function measured({ admin }: Proxied, send: () => Promise<Result>): Promise<Exchange> {
  const before = await admin.metric('millrace_spooled_bytes_total');
  const begun = performance.now();
  const result = await send();
  const seconds = (performance.now() - begun) / 1000;
  return { ...result, seconds, spooledBytes: (await admin.metric('millrace_spooled_bytes_total')) - before };
}
