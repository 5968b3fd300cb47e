import { describe, expect, test } from 'vitest';
import { contentCodings } from '../../../src/core/vocabulary.ts';
import { decodeAtOnce, decodeLater, encodeWhole, UndecodedBody } from '../../../src/wire/coding/whole-body.ts';
import { coded, decoded } from './bodies.ts';

describe.each(contentCodings)('a whole body of %s', (coding) => {
  const text = '{"key":"ä€😀"}';

  test('is decoded at once if it is short, before and after', () => {
    expect(decodeAtOnce(coding, coded[coding](text))?.toString()).toBe(text);
    expect(decodeAtOnce(coding, coded[coding](''))?.toString()).toBe('');
    expect(decodeAtOnce(coding, coded[coding](Buffer.alloc(1024 * 1024)))).toBe(undefined);
    expect(decodeAtOnce(coding, Buffer.alloc(1024 * 1024))).toBe(undefined);
  });

  test('is not decoded at once if an engine of Node.js would drop bytes behind its end', () => {
    const whole = coded[coding](text);
    for (const behind of [Buffer.from('garbage'), whole, Buffer.alloc(5)]) {
      const got = decodeAtOnce(coding, Buffer.concat([whole, behind]))?.toString();
      expect(got === undefined || (coding === 'gzip' && got === text + text)).toBe(true);
    }
    expect(decodeAtOnce(coding, whole.subarray(0, -1))).toBe(undefined);
    expect(decodeAtOnce(coding, Buffer.from('garbage'))).toBe(undefined);
  });

  test('is decoded later up to the bytes that are wanted', async () => {
    const long = text.repeat(20_000);
    const bytes = Buffer.byteLength(long);
    expect((await decodeLater(coding, coded[coding](long), bytes)).toString()).toBe(long);
    const refused = decodeLater(coding, coded[coding](long), bytes - 1);
    await expect(refused).rejects.toMatchObject({
      kind: 'large',
      message: `it is decoded to more than ${bytes - 1} bytes`,
    });
    await expect(refused).rejects.toBeInstanceOf(UndecodedBody);
    await expect(decodeLater(coding, coded[coding](long).subarray(0, -1), bytes)).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('breaks off'),
    });
  });

  test('that is coded comes back', async () => {
    expect(decoded[coding](await encodeWhole(coding, Buffer.from(text))).toString()).toBe(text);
  });
});
