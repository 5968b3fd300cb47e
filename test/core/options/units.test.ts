import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { durationMs, durationText, sizeBytes } from '../../../src/core/options/quantity.ts';
import { duration, size } from '../../../src/core/options/units.ts';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0', 0],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
    expect(duration.parse(text)).toBe(ms);
  });

  test.each(['', '5', '5 s', '-5s', '1d', '5S', 's', '1m30s', '.5s', '1e3ms'])('"%s" is not a duration', (text) => {
    expect(durationMs(text)).toBeUndefined();
    expect(duration.safeParse(text).error?.issues).toMatchObject([{ message: expect.stringContaining('250ms') }]);
  });

  test('the JSON Schema of the input is a string with a pattern; its default is spelled as in a configuration', () => {
    const schema = z.toJSONSchema(z.object({ timeout: duration.prefault('5s') }), { io: 'input' });
    expect(schema.properties?.['timeout']).toMatchObject({
      type: 'string',
      pattern: expect.any(String),
      default: '5s',
    });
  });
});

describe('sizes', () => {
  test.each([
    ['512', 512],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5MiB', 1_572_864],
    ['10MB', 10_000_000],
    ['1GiB', 1_073_741_824],
  ])('%s is %d bytes', (text, bytes) => {
    expect(sizeBytes(text)).toBe(bytes);
    expect(size.parse(text)).toBe(bytes);
  });

  test.each(['', '1 MiB', '-1', '1mib', 'MiB', '1e3', '999999999999999GiB'])('"%s" is not a size', (text) => {
    expect(sizeBytes(text)).toBeUndefined();
    expect(size.safeParse(text).error?.issues).toMatchObject([{ message: expect.stringContaining('1MiB') }]);
  });

  test('a number is bytes, and has to be whole and not negative', () => {
    expect(size.parse(1000)).toBe(1000);
    expect(size.safeParse(1.5).success).toBe(false);
    expect(size.safeParse(-1).success).toBe(false);
  });

  test('the JSON Schema of the input is a string with a pattern, or a number', () => {
    const schema = z.toJSONSchema(size, { io: 'input' });
    expect(schema.anyOf).toMatchObject([{ type: 'string', pattern: expect.any(String) }, { type: 'integer' }]);
  });
});

test.each([
  [0, '0'],
  [0.5, '0.5ms'],
  [250, '250ms'],
  [1500, '1500ms'],
  [10_000, '10s'],
  [90_000, '90s'],
  [300_000, '5m'],
  [86_400_000, '24h'],
])('%d ms are shown as %s, which is read as the same duration', (ms, text) => {
  expect(durationText(ms)).toBe(text);
  expect(durationMs(text)).toBe(ms);
});
