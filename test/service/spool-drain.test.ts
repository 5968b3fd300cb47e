import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LateReader, lineBytes, serveSpooling, untilOnDisk } from './spooling.ts';

const patient = 180_000;

test(
  'SIGTERM: a stream that spools is read to its end, and the service exits with 0',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling('drainTimeout: 1h');
    const { service } = spooling;
    const stream = await LateReader.open(spooling);
    stream.send(300);
    await untilOnDisk(spooling, 300);
    service.child.kill('SIGTERM');
    await service.says(/"draining/);
    // The client sends the rest of its body before it reads.
    stream.send(100);
    stream.end();
    expect(await stream.last()).toMatch(/Millrace-Status: complete\r\n[^]*Millrace-Written: 400\r\n/);
    expect(stream.receivedBytes).toBeGreaterThan(400 * lineBytes);
    expect(await service.ended).toEqual([0, null]);
  },
);

test(
  'at drainTimeout a stream that spools gets its last $checkpoint after all that was spooled, and is cut',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling('drainTimeout: 8s');
    const { service } = spooling;
    const stream = await LateReader.open(spooling);
    stream.send(300);
    await untilOnDisk(spooling, 300);
    service.child.kill('SIGTERM');
    await stream.until('{"$checkpoint":{"next":300,"pending":[]}}');
    // Its body is still open.
    stream.send(1);
    const last = await stream.last();
    expect(last).toContain('{"$checkpoint":{"next":301,"pending":[]}}\n{"$fatal":{');
    expect(last).toContain('"code":"draining"');
    expect(last).not.toContain('Millrace-Status');
    expect(stream.receivedBytes).toBeGreaterThan(301 * lineBytes);
    expect(await service.ended).toEqual([143, null]);
  },
);

test(
  'a client that reads nothing holds up no service that stops, and nothing is left of its output',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling('drainTimeout: 100ms');
    const { service, dir } = spooling;
    const stream = await LateReader.open(spooling);
    stream.send(300);
    await untilOnDisk(spooling, 300);
    service.child.kill('SIGTERM');
    expect(await service.ended).toEqual([143, null]);
    expect(readdirSync(dir)).toEqual([]);
    expect(service.stderr).toMatch(/"outcome":"drained".*"spooledBytes":[1-9]\d{6,}/);
  },
);
