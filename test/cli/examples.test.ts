import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const children: ChildProcessWithoutNullStreams[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }
});

async function started(args: readonly string[], stream: 'stdout' | 'stderr', says: RegExp): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: root });
  children.push(child);
  return said(child[stream], says);
}

async function said(stream: Readable, says: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    const found = says.exec(text)?.[1];
    if (found !== undefined) {
      stream.resume();
      return found;
    }
  }
  throw new Error(`ended without ${says}:\n${text}`);
}

const serving = (config: string): Promise<string> =>
  started(
    ['src/cli/main.ts', 'serve', '-c', config, '--port', '0', '--admin-port', '0'],
    'stderr',
    /listens on (http:[^\s,]+)/,
  );

/** Sends a file of the examples and returns the lines of the response. */
async function enriched(url: string, pipeline: string, file: string): Promise<readonly string[]> {
  const body = readFileSync(join(root, 'examples', file), 'utf8');
  const response = await fetch(`${url}/v1/enrich/${pipeline}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  return (await response.text()).trimEnd().split('\n');
}

describe('an example does what its README says', { timeout: 60_000 }, () => {
  test('airports-table', async () => {
    const url = await serving('examples/airports-table/millrace.yaml');
    const lines = await enriched(url, 'flights', 'airports-table/flights.ndjson');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('"originAirport":{"iata":"DTW","name":"Detroit Metropolitan-Wayne County"');
    expect(lines[3]).toContain('"delay":4.0,');
    expect(lines[3]).toContain('"destinationAirport":null');
    expect(lines[4]).toContain('"code":"missing_argument"');
  });

  test('first-pipeline', async () => {
    const url = await serving('examples/first-pipeline/millrace.yaml');
    const lines = await enriched(url, 'orders', 'first-pipeline/orders.ndjson');
    expect(lines).toEqual([
      '{"order":1001,"customerId":"c-2","total":49.90,"customer":{"id":"c-2","name":"Jonas Weir","country":"DE"}}',
      '{"order":1002,"customerId":"c-1","total":12.00,"customer":{"id":"c-1","name":"Ada Brook","country":"GB"}}',
      '{"order":1003,"customerId":"c-9","total":7.25,"customer":null}',
    ]);
    const explained = await fetch(`${url}/v1/explain/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"order":1001,"customerId":"c-2"}',
    });
    expect(explained.status).toBe(200);
  });

  test('module', async () => {
    const url = await serving('examples/module/millrace.yaml');
    const lines = await enriched(url, 'orders', 'module/orders.ndjson');
    expect(lines.slice(0, 3)).toEqual([
      '{"order":1001,"deliverTo":{"lat":52.52,"lon":13.405},"depot":{"depot":"Poznan","km":239}}',
      '{"order":1002,"deliverTo":{"lat":43.297,"lon":5.370},"depot":{"depot":"Lyon","km":278}}',
      '{"order":1003,"deliverTo":{"lat":64.147,"lon":-21.943},"depot":null}',
    ]);
    expect(lines[3]).toContain('"_error":{"code":"function_error","message":"at needs the numbers lat and lon"');
  });

  test('layers', async () => {
    const directory = await serving('examples/layers/directory.yaml');
    const folder = mkdtempSync(join(tmpdir(), 'millrace-example-'));
    try {
      const config = readFileSync(join(root, 'examples/layers/millrace.yaml'), 'utf8');
      const file = join(folder, 'millrace.yaml');
      writeFileSync(file, config.replaceAll('http://127.0.0.1:9000', directory));
      const url = await serving(file);
      const first = await enriched(url, 'flights', 'airports-table/flights.ndjson');
      expect(first[0]).toContain('"originAirport":{"iata":"DTW","name":"Detroit Metropolitan-Wayne County"');
      expect(first[3]).toContain('"destinationAirport":null');
      expect(first[4]).toContain('"code":"missing_argument"');
      const second = await enriched(url, 'flights', 'airports-table/flights.ndjson');
      expect(second[0]).toContain('"source":{"/originAirport":"cache","/destinationAirport":"cache"}');
      expect(second[3]).toContain('"destinationAirport":null');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('flights', async () => {
    const directory = await started(['examples/flights/directory.mjs', '0'], 'stdout', /listens on (http:\/\/[\d.:]+)/);
    const folder = mkdtempSync(join(tmpdir(), 'millrace-example-'));
    try {
      const config = readFileSync(join(root, 'examples/flights/millrace.yaml'), 'utf8');
      const file = join(folder, 'millrace.yaml');
      writeFileSync(file, config.replace('http://127.0.0.1:9000', directory));
      const lines = await enriched(await serving(file), 'flights', 'flights/flights.ndjson');
      expect(lines).toHaveLength(5);
      expect(lines[2]).toContain('"originAirport":{"name":"McCarran International","city":"Las Vegas","state":"NV"}');
      expect(lines[3]).toContain('"destinationAirport":null');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
