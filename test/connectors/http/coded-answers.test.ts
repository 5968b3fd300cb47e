import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { RecordError } from '../../../src/core/errors.ts';
import { laterTurn } from '../../../src/core/time/later-turn.ts';
import { contentCodings } from '../../../src/core/vocabulary.ts';
import { coded } from '../../wire/coding/bodies.ts';
import { httpEnd, openHttp } from './far-end.ts';

/** A lookup whose server answers every call with these bytes. */
async function answering(body: Buffer, coding: string, options: Readonly<Record<string, unknown>> = {}, status = 200) {
  const { origin } = await httpEnd((_, out) => out.writeHead(status, { 'content-encoding': coding }).end(body));
  return openHttp({ url: `${origin}/x`, ...options });
}

/** JSON of about this many bytes, which shrinks to some three quarters. */
const noise = (bytes: number): string => JSON.stringify(randomBytes((bytes * 3) / 4).toString('base64'));

describe.each(['lean', 'undici'])('over the client %s, an answer', (client) => {
  describe.each(contentCodings)('in %s', (coding) => {
    test.each([
      ['short', '{"a":1.0,"b":"Zürich"}'],
      ['long', noise(500_000)],
      ['that shrinks much', `"${'x'.repeat(900_000)}"`],
    ])('is decoded: %s', async (_, json) => {
      const { ask, heard } = await answering(coded[coding](json), coding, { client });
      expect((await ask()).json).toBe(json);
      // The connection is used again.
      expect((await ask()).json).toBe(json);
      expect(heard.outcomes).toEqual(['ok', 'ok']);
    });

    test.each([
      ['the second part of a short answer', (body: Buffer) => Buffer.concat([body, Buffer.from('garbage')])],
      ['the end of a short answer', (body: Buffer) => body.subarray(0, -3)],
    ])('is a bad response if it is damaged: %s', async (_, damage) => {
      const { ask } = await answering(damage(coded[coding]('{"a":1}')), coding, { client });
      await expect(ask()).rejects.toMatchObject({
        code: 'bad_response',
        message: expect.stringMatching(/^the answer cannot be decoded: /),
      });
    });

    test('is a bad response if it is long and breaks off', async () => {
      const { ask } = await answering(coded[coding](noise(500_000)).subarray(0, -9), coding, { client });
      await expect(ask()).rejects.toMatchObject({
        code: 'bad_response',
        message: expect.stringContaining('breaks off before the end'),
      });
    });

    test('is too large if its decoded bytes are, however small it is', async () => {
      const bomb = coded[coding](Buffer.alloc(64 * 1024 * 1024, ' '));
      const large = { code: 'response_too_large', message: expect.stringContaining('maxResponseBytes, 1048576') };
      const { ask } = await answering(bomb, coding, { client });
      await expect(ask()).rejects.toMatchObject(large);
      const { ask: askShort } = await answering(coded[coding](' '.repeat(2000)), coding, {
        client,
        maxResponseBytes: 1000,
      });
      await expect(askShort()).rejects.toMatchObject({ code: 'response_too_large' });
    });

    test('is part of the message if its status is an error', async () => {
      const { ask } = await answering(coded[coding]('{"why":"maintenance"}'), coding, { client }, 503);
      await expect(ask()).rejects.toMatchObject({
        code: 'bad_status',
        message: expect.stringContaining('maintenance'),
      });
      const { ask: askLong } = await answering(coded[coding](noise(60_000)).subarray(1), coding, { client }, 503);
      await expect(askLong()).rejects.toMatchObject({ code: 'bad_status' });
    });
  });

  test('without a byte has no body, whatever its coding', async () => {
    const { ask } = await answering(Buffer.alloc(0), 'gzip', { client });
    await expect(ask()).rejects.toMatchObject({ code: 'bad_response', message: 'the answer has no body (status 200)' });
  });

  test('of several parts is read whole', async () => {
    const parts = Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]);
    const { ask } = await answering(parts, 'x-gzip', { client });
    expect((await ask()).json).toBe('{"a":1}');
  });

  test('whose call is cancelled at any time is ignored, and the connection serves the next call', async () => {
    const json = noise(300_000);
    const whole = gzipSync(json);
    const { origin } = await httpEnd((request, out) => {
      out.writeHead(200, { 'content-encoding': 'gzip' }).end(request.url === '/long' ? whole : gzipSync('{"a":1}'));
    });
    const { ask, heard } = await openHttp({ url: `${origin}/{path}`, client, connections: 1 });
    for (let turns = 0; turns < 60; turns += 1) {
      const context = new Cancellation();
      const answer = ask({ path: 'long' }, context).then(
        (found) => found.json,
        (error: unknown) => error,
      );
      // oxlint-disable-next-line no-await-in-loop
      for (let turn = 0; turn < turns; turn += 1) await laterTurn();
      context.cancel(new Error('the client is gone'));
      // oxlint-disable-next-line no-await-in-loop
      const [first, next] = await Promise.all([answer, ask({ path: 'short' })]);
      expect(first === json || (first instanceof RecordError && first.code === 'cancelled')).toBe(true);
      expect(next.json).toBe('{"a":1}');
    }
    expect(heard.outcomes).toContain('cancelled');
  });
});

test('calls accept the codings that are decoded, unless a header of the configuration says something else', async () => {
  const accepted: (string | undefined)[] = [];
  const { origin } = await httpEnd((request, out) => {
    accepted.push(request.headers['accept-encoding']);
    out.end('{}');
  });
  await (await openHttp({ url: origin })).ask();
  await (await openHttp({ url: origin, headers: { 'Accept-Encoding': 'identity' } })).ask();
  expect(accepted).toEqual(['gzip, br, zstd', 'identity']);
});
