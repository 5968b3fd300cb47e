import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentCodings, type ContentCoding } from '../../../src/core/vocabulary.ts';
import { StreamDecoder } from '../../../src/wire/coding/stream-decoder.ts';
import { StreamEncoder } from '../../../src/wire/coding/stream-encoder.ts';
import { coded, decoded } from './bodies.ts';

/** An encoder whose coded bytes are kept, and decoded as they come. */
class Encoding {
  readonly encoder: StreamEncoder;
  readonly parts: Buffer[] = [];
  room = true;
  batches = 0;
  ends = 0;
  text = '';
  broken: Error | undefined;
  #changed: (() => void)[] = [];
  readonly #decoder: StreamDecoder;

  constructor(coding: ContentCoding) {
    const change = (): void => {
      for (const resolve of this.#changed.splice(0)) resolve();
    };
    this.#decoder = new StreamDecoder(
      { coding, maxRatio: 1e9, guard: (work) => work },
      {
        data: (chunk) => {
          this.text += chunk.toString();
          change();
        },
        hungry: () => {},
        end: () => {},
        failed: () => {},
      },
    );
    this.encoder = new StreamEncoder(coding, (work) => work, {
      hasRoom: () => this.room,
      data: (bytes) => {
        this.parts.push(Buffer.from(bytes));
        this.#decoder.write(Buffer.from(bytes));
      },
      batchDone: () => {
        this.batches += 1;
        change();
      },
      end: () => {
        this.ends += 1;
        change();
      },
      broken: (error) => {
        this.broken = error;
        change();
      },
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  async until(condition: () => boolean): Promise<void> {
    // oxlint-disable-next-line no-await-in-loop
    while (!condition()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }
}

describe.each(contentCodings)('output coded as %s', (coding) => {
  test('can be decoded up to its last byte as soon as it is written, line by line', async () => {
    const encoding = new Encoding(coding);
    let text = '';
    for (let n = 0; n < 50; n += 1) {
      const line = `{"key":${n},"more":"ä€😀"}\n`;
      text += line;
      expect(encoding.encoder.write(line)).toBe(Buffer.byteLength(line));
      // oxlint-disable-next-line no-await-in-loop
      await encoding.until(() => encoding.text === text);
    }
    expect(encoding.encoder.heldBytes).toBe(0);
  });

  test('comes back whole, in batches of what was written meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 200, unit: 'binary' }), { maxLength: 200 }), async (texts) => {
        const encoding = new Encoding(coding);
        for (const text of texts) encoding.encoder.write(text);
        encoding.encoder.end();
        await encoding.until(() => encoding.ends === 1);
        expect(decoded[coding](encoding.bytes).toString()).toBe(
          texts.map((text) => Buffer.from(text).toString()).join(''),
        );
        // The first text is under way when the others are written; they are the last batch, which ends the coding.
        expect(encoding.batches).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    );
  });

  test('may change after the call', async () => {
    const encoding = new Encoding(coding);
    const bytes = Buffer.from('{"key":1}\n');
    encoding.encoder.write(bytes);
    encoding.encoder.write(bytes);
    bytes.fill(0);
    await encoding.until(() => encoding.text === '{"key":1}\n'.repeat(2));
    expect(encoding.batches).toBeLessThanOrEqual(2);
  });

  test('that is drained has all of the output and no end', async () => {
    const encoding = new Encoding(coding);
    const text = '{"key":1}\n'.repeat(100_000);
    encoding.encoder.write(text);
    encoding.room = false;
    encoding.encoder.write(text);
    await new Promise<void>((resolve) => encoding.encoder.drain(resolve));
    await encoding.until(() => encoding.text.length === 2 * text.length);
    expect(() => decoded[coding](encoding.bytes)).toThrow(/unexpected end of file/);
    expect(encoding.ends).toBe(0);
  });

  test('waits while there is no room, and is counted', async () => {
    const encoding = new Encoding(coding);
    encoding.room = false;
    encoding.encoder.write('{"key":1}\n');
    encoding.encoder.write('{"key":2}\n');
    encoding.encoder.end();
    expect([encoding.encoder.heldBytes, encoding.parts.length]).toEqual([20, 0]);
    encoding.room = true;
    encoding.encoder.advance();
    await encoding.until(() => encoding.ends === 1);
    expect(decoded[coding](encoding.bytes).toString()).toBe('{"key":1}\n{"key":2}\n');
    expect(encoding.encoder.heldBytes).toBe(0);
  });

  test('without a byte has an end', async () => {
    const encoding = new Encoding(coding);
    encoding.encoder.end();
    await encoding.until(() => encoding.ends === 1);
    expect(decoded[coding](encoding.bytes).toString()).toBe('');
  });

  test('is not sent to its end if it is drained after end', async () => {
    const encoding = new Encoding(coding);
    encoding.encoder.write('{"key":1}\n'.repeat(100_000));
    encoding.encoder.end();
    await new Promise<void>((resolve) => encoding.encoder.drain(resolve));
    // Another one, which the threads finish later than the first.
    expect(decoded[coding](coded[coding]('x')).toString()).toBe('x');
    expect(encoding.ends).toBe(0);
    expect(() => decoded[coding](encoding.bytes)).toThrow(/unexpected end of file/);
  });

  test('nothing is written after close', () => {
    const encoding = new Encoding(coding);
    encoding.encoder.close();
    expect(encoding.encoder.write('äb')).toBe(3);
    encoding.encoder.advance();
    encoding.encoder.end();
    encoding.encoder.close();
    expect([encoding.parts.length, encoding.encoder.heldBytes, encoding.broken]).toEqual([0, 0, undefined]);
  });
});
