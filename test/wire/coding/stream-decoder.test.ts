import * as fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { inLaterTurn } from '../../../src/core/time/later-turn.ts';
import { type ContentCoding, contentCodings } from '../../../src/core/vocabulary.ts';
import { decoders } from '../../../src/wire/coding/engines.ts';
import { type CodingFault, StreamDecoder } from '../../../src/wire/coding/stream-decoder.ts';
import { coded, skippable } from './bodies.ts';

interface Decoded {
  readonly text: string;
  readonly fault: CodingFault | undefined;
}

/** Decodes chunks that are written one by one. `pauses`: whether the reader pauses after its next chunk, for each one. */
function decode(
  coding: ContentCoding,
  chunks: readonly Uint8Array[],
  { pauses = [], maxRatio = 100 }: { readonly pauses?: readonly boolean[]; readonly maxRatio?: number } = {},
): Promise<Decoded> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const left = [...chunks];
    let paused = false;
    const ended = (fault?: CodingFault): void => {
      // An event after the last one would be missing from the text, or reject.
      inLaterTurn(() => inLaterTurn(() => resolve({ text: Buffer.concat(parts).toString('latin1'), fault })));
    };
    const guard =
      <Args extends readonly unknown[]>(work: (...args: Args) => void) =>
      (...args: Args): void => {
        try {
          work(...args);
        } catch (error) {
          reject(error);
        }
      };
    const send = (): void => {
      const chunk = left.shift();
      if (chunk === undefined) decoder.end();
      else decoder.write(chunk);
    };
    const decoder = new StreamDecoder(
      { coding, maxRatio, guard },
      {
        data(chunk) {
          if (paused) throw new Error('data while the decoder is paused');
          parts.push(chunk);
          if (pauses[parts.length % pauses.length] !== true) return;
          paused = true;
          decoder.pause();
          inLaterTurn(() => {
            paused = false;
            decoder.resume();
          });
        },
        hungry: send,
        end: () => ended(),
        failed: ended,
      },
    );
    send();
  });
}

/** The body in chunks of these sizes, again and again. */
function split(body: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const size = sizes[chunks.length % sizes.length] ?? 1;
    chunks.push(body.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const body = fc.oneof(
  fc.constant(''),
  fc.array(fc.json(), { maxLength: 30 }).map((lines) => lines.map((line) => `${line}\n`).join('')),
  fc.integer({ min: 1, max: 4000 }).map((lines) => '{"key":1,"more":"x"}\n'.repeat(lines)),
);
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 3000 })), { minLength: 1 });
const pauses = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 });
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

describe.each(contentCodings)('a body of %s', (coding) => {
  test('is decoded whole, however it is cut into chunks and whenever its reader pauses', async () => {
    await fc.assert(
      fc.asyncProperty(body, sizes, pauses, async (text, chunkSizes, whenPaused) => {
        const chunks = split(coded[coding](text), chunkSizes);
        expect(await decode(coding, chunks, { pauses: whenPaused, maxRatio: 1e6 })).toEqual({
          text: latin1(text),
          fault: undefined,
        });
      }),
      { numRuns: 60 },
    );
  });

  test('that breaks off is a fault at every place, and what comes before it is decoded', async () => {
    const text = Array.from({ length: 40 }, (_, n) => `{"key":${n * 7919}}\n`).join('');
    const whole = coded[coding](text);
    const results = await Promise.all(
      Array.from({ length: whole.length }, (_, length) => decode(coding, split(whole.subarray(0, length), [11]))),
    );
    for (const [length, { text: got, fault }] of results.entries()) {
      expect([fault?.kind, text.startsWith(got)]).toEqual(['damaged', true]);
      expect(fault?.message).toMatch(
        length === 0 ? /the body is empty, which is not/ : /breaks off before the end of its/,
      );
    }
  });

  test('that is followed by other bytes is a fault, wherever the chunks end', async () => {
    const text = '{"key":1}\n'.repeat(100);
    const whole = coded[coding](text);
    for (const behind of ['x', 'garbage', '\x1f', '\0\0x']) {
      for (const size of [1, whole.length, whole.length + 1, 1e6]) {
        // oxlint-disable-next-line no-await-in-loop
        const { fault } = await decode(coding, split(Buffer.concat([whole, Buffer.from(behind)]), [size]));
        expect([behind, size, fault?.kind]).toEqual([behind, size, 'damaged']);
      }
    }
  });

  test('that is decoded to more bytes than the ratio allows is a fault within its first MiB', async () => {
    const bomb = coded[coding](Buffer.alloc(64 * 1024 * 1024));
    const { text, fault } = await decode(coding, [bomb]);
    expect(fault?.kind).toBe('ratio');
    expect(fault?.message).toMatch(/ bytes and more; at most 100 bytes for each byte are allowed$/);
    expect(text.length).toBeLessThanOrEqual(1024 * 1024);
  });

  test('with a great ratio is decoded if it has less than one MiB, or if the ratio is allowed', async () => {
    const small = '{"key":1}\n'.repeat(100_000);
    expect(await decode(coding, [coded[coding](small)], { maxRatio: 2 })).toEqual({ text: small, fault: undefined });
    const large = small.repeat(2);
    expect(await decode(coding, [coded[coding](large)], { maxRatio: 1e6 })).toEqual({ text: large, fault: undefined });
    const { fault } = await decode(coding, [coded[coding](large)], { maxRatio: 2 });
    expect(fault?.kind).toBe('ratio');
  });
});

describe.each(['gzip', 'zstd'] as const)('parts of %s one after the other', (coding) => {
  test('are read whole, wherever the chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 5 }), sizes, pauses, async (texts, cuts, stops) => {
        const parts = texts.map((text) => coded[coding](text));
        const text = latin1(texts.join(''));
        const expected = { text, fault: undefined };
        const whole = Buffer.concat(parts);
        expect(await decode(coding, split(whole, cuts), { pauses: stops, maxRatio: 1e6 })).toEqual(expected);
        expect(await decode(coding, [whole], { pauses: stops, maxRatio: 1e6 })).toEqual(expected);
        expect(await decode(coding, parts, { pauses: stops, maxRatio: 1e6 })).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('are a bomb if they are one together', async () => {
    const part = coded[coding](Buffer.alloc(512 * 1024));
    const { fault } = await decode(
      coding,
      Array.from({ length: 100 }, () => part),
    );
    expect(fault?.kind).toBe('ratio');
  });
});

test('zeros behind gzip are padding, in any number of chunks', async () => {
  const text = '{"key":1}\n';
  for (const size of [1, 20, 1e6]) {
    const padded = Buffer.concat([coded.gzip(text), Buffer.alloc(1000)]);
    // oxlint-disable-next-line no-await-in-loop
    expect(await decode('gzip', split(padded, [size]))).toEqual({ text, fault: undefined });
  }
  const behind = Buffer.concat([coded.gzip(text), Buffer.alloc(10), coded.gzip(text)]);
  expect((await decode('gzip', [behind])).fault?.kind).toBe('damaged');
});

test('skippable frames of zstd are skipped before, between and behind other frames', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(body, fc.uint8Array({ maxLength: 50 })), { minLength: 1 }),
      sizes,
      async (frames, cuts) => {
        const whole = Buffer.concat(
          frames.map((frame) => (typeof frame === 'string' ? coded.zstd(frame) : skippable(frame))),
        );
        const text = latin1(frames.filter((frame) => typeof frame === 'string').join(''));
        expect(await decode('zstd', split(whole, cuts), { maxRatio: 1e6 })).toEqual({ text, fault: undefined });
        expect(await decode('zstd', [whole], { maxRatio: 1e6 })).toEqual({ text, fault: undefined });
      },
    ),
    { numRuns: 40 },
  );
});

test('a frame of zstd that needs a window of more than 8 MiB is refused', async () => {
  // Magic number, a descriptor without a content size, and the window descriptor: 1 KiB << 14.
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3, 0x01, 0x00, 0x00]);
  expect((await decode('zstd', [head])).fault?.message).toMatch(/the body is not valid zstd: .*memory/i);
  const allowed = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, 0x01, 0x00, 0x00]);
  expect(await decode('zstd', [allowed])).toEqual({ text: '', fault: undefined });
});

test('a paused decoder holds one piece of a bomb and reads no further', async () => {
  const bomb = coded.zstd(Buffer.alloc(256 * 1024 * 1024));
  let received = 0;
  let hungry = 0;
  await new Promise<void>((resolve) => {
    const decoder = new StreamDecoder(
      { coding: 'zstd', maxRatio: 1e9, guard: (work) => work },
      {
        data(chunk) {
          received += chunk.byteLength;
          decoder.pause();
          resolve();
        },
        hungry: () => void (hungry += 1),
        end: () => {},
        failed: () => {},
      },
    );
    decoder.write(bomb);
  });
  for (let turns = 0; turns < 200; turns += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>((resolve) => {
      inLaterTurn(resolve);
    });
  }
  expect([received, hungry]).toEqual([64 * 1024, 0]);
});

test('a decoder that was closed reports nothing more', async () => {
  const events: string[] = [];
  const decoder = new StreamDecoder(
    { coding: 'gzip', maxRatio: 100, guard: (work) => work },
    {
      data: () => void events.push('data'),
      hungry: () => void events.push('hungry'),
      end: () => void events.push('end'),
      failed: () => void events.push('failed'),
    },
  );
  decoder.write(coded.gzip('{"key":1}\n'));
  decoder.close();
  decoder.write(Buffer.from('garbage'));
  decoder.end();
  decoder.resume();
  // Another one, which the threads finish later than the first.
  await decode('gzip', [coded.gzip('x'.repeat(1e6))]);
  expect([events, decoder.over]).toEqual([[], true]);
});

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  ['zstd', 500, 500],
  ['zstd', 1000, 1000],
  ['gzip', 500, 1],
  ['gzip', 1000, 1],
] as const)(
  '%s of %i tiny parts in one chunk is decoded by %i engines, each of which reads its part once',
  async (coding, parts, engines) => {
    const made = vi.spyOn(decoders, coding);
    const whole = Buffer.concat(Array.from({ length: parts }, () => coded[coding]('a')));
    expect(await decode(coding, [whole])).toEqual({ text: 'a'.repeat(parts), fault: undefined });
    expect(made).toHaveBeenCalledTimes(engines);
    const read = made.mock.results.reduce(
      (sum, { value }) => sum + (value as { bytesWritten: number }).bytesWritten,
      0,
    );
    expect(read).toBe(whole.byteLength);
  },
);
