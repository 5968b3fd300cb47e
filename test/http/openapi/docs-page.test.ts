import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { headless } from '../access/chromium.ts';
import { start } from '../start.ts';

/** The document that a browser makes of a page under a host name that is not loopback. */
async function rendered(port: number, path: string): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), 'millrace-chromium-'));
  onTestFinished(() => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  const { stdout } = await promisify(execFile)(
    'chromium',
    [
      ...headless(profile),
      '--host-resolver-rules=MAP * 127.0.0.1',
      '--virtual-time-budget=20000',
      '--dump-dom',
      `http://millrace.example:${port}${path}`,
    ],
    { maxBuffer: 64 * 1024 * 1024, timeout: 100_000 },
  );
  return stdout;
}

test('the pages under /docs are drawn in a browser under a host name that is not loopback', async () => {
  const { port } = await start({ server: { allowedHosts: ['millrace.example'] } });
  const page = await rendered(port, '/docs/');
  expect(page).toContain('Enrich a stream of records');
  expect(page).toContain('opblock-summary');
}, 120_000);
