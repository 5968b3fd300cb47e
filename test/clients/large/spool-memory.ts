import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startService } from '../../proxies/service-process.ts';
import { Admin } from '../../service/admin.ts';
import { python } from '../page-programs.ts';

/** What the memory of a service did while a client sent everything and then read everything. */
export interface SpoolMemory {
  /** The resident set in bytes, one value for each sample. */
  readonly residentBytes: readonly number[];
  /** The largest resident set of the process since its start. */
  readonly peakBytes: number;
  /** The most bytes that the spool held in memory, at a sample. */
  readonly heldBytes: number;
  readonly spooledBytes: number;
  /** The line of the client: `complete` and the number of records, or an error. */
  readonly client: string;
  readonly seconds: number;
}

/** Sends records as `requests` does, all before it reads, and compares the answer with what it should be by their SHA-256. */
const program = `
import hashlib, requests, sys
url, count, pad = sys.argv[1], int(sys.argv[2]), 'p' * 1000
rows = ['{"id":"1","name":"one"}', '{"id":"2","name":"two"}']
expected, received = hashlib.sha256(), hashlib.sha256()
def blocks():
    for start in range(0, count, 500):
        lines = [f'{{"n":{n},"pad":"{pad}","key":"{1 + n % 2}"' for n in range(start, min(count, start + 500))]
        expected.update(''.join(f'{line},"answer":{rows[n % 2]}}}\\n' for n, line in enumerate(lines, start)).encode())
        yield ''.join(line + '}\\n' for line in lines).encode()
headers = {'Accept-Encoding': 'identity', 'Content-Type': 'application/x-ndjson'}
with requests.post(url, data=blocks(), headers=headers, stream=True) as response:
    for chunk in response.iter_content(65536): received.update(chunk)
print('complete' if received.digest() == expected.digest() else 'different', count)
`;
const recordBytes = 1030;

/** `main`: the entry of the command line. A sample is taken every `everyMs` from the start of the client to its end. */
export async function spoolMemory(main: string, bytes: number, everyMs: number): Promise<SpoolMemory> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-spool-memory-'));
  const service = await startService(folder, {
    main,
    server: { limits: { spoolBytes: '1000GiB', spoolTotalBytes: '1000GiB' } },
  });
  const admin = new Admin(service.adminUrl);
  const begun = performance.now();
  const count = String(Math.round(bytes / recordBytes));
  const client = spawn(python, ['-c', program, `${service.url}/v1/enrich/test`, count], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [client.stdout, client.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const ended = once(client, 'close');
  const residentBytes: number[] = [];
  let heldBytes = 0;
  try {
    while (client.exitCode === null) {
      // oxlint-disable no-await-in-loop
      residentBytes.push(statusBytes(service.pid, 'VmRSS'));
      const { spool } = await admin.state();
      heldBytes = Math.max(heldBytes, Number(spool['bytes']) - Number(spool['diskBytes']));
      await Promise.race([wait(everyMs), ended]);
      // oxlint-enable no-await-in-loop
    }
    return {
      residentBytes,
      peakBytes: statusBytes(service.pid, 'VmHWM'),
      heldBytes,
      spooledBytes: await admin.metric('millrace_spooled_bytes_total'),
      client: output.trim(),
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    client.kill('SIGKILL');
    await ended;
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A member of /proc/PID/status; Linux only. */
function statusBytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** How much the median of the last quarter of the samples is above that of the second one. */
export function growth(values: readonly number[]): number {
  const quarter = values.length / 4;
  return median(values.slice(-quarter)) - median(values.slice(quarter, 2 * quarter));
}
