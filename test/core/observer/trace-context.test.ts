import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTraceContext, traceparent } from '../../../src/core/observer/trace-context.ts';

// The cases are those of the test suite of W3C Trace Context (github.com/w3c/trace-context, test/test.py).
const traceId = '12345678901234567890123456789012';
const parentId = '1234567890123456';
const valid = `00-${traceId}-${parentId}-01`;

const stateOf = (header: string | readonly string[]): string | undefined => readTraceContext(valid, header)?.state;
const numbered = (count: number): string => Array.from({ length: count }, (_, n) => `bar${n}=${n}`).join(',');
const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'.split('')), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''))
    .filter((id) => !/^0+$/.test(id));

describe('traceparent', () => {
  test.each([
    ['version 00', valid, { traceId, parentId, flags: 1 }],
    ['not sampled', `00-${traceId}-${parentId}-00`, { traceId, parentId, flags: 0 }],
    ['the flag of a random trace id', `00-${traceId}-${parentId}-03`, { traceId, parentId, flags: 3 }],
    ['unknown flags, which are not passed on', `00-${traceId}-${parentId}-fd`, { flags: 1 }],
    ['a later version', `cc-${traceId}-${parentId}-01`, { traceId, parentId, flags: 1 }],
    ['a later version with more members', `cc-${traceId}-${parentId}-01-what-the-future-will-be-like`, { traceId }],
    ['a list of one value', [valid], { traceId, parentId }],
  ])('is accepted: %s', (_what, header, expected) => {
    expect(readTraceContext(header, undefined)).toMatchObject(expected);
  });

  test.each([
    ['none', undefined],
    ['an empty value', ''],
    ['a value that was sent twice', `${valid}, ${valid}`],
    ['a value that was sent twice, as a list', [valid, valid]],
    ['version ff', `ff-${traceId}-${parentId}-01`],
    ['version 00 with text after it', `${valid}-what`],
    ['a later version with text after it that no dash separates', `cc-${traceId}-${parentId}-01.what`],
    ['an illegal version', `.0-${traceId}-${parentId}-01`],
    ['a long version', `000-${traceId}-${parentId}-01`],
    ['a short version', `0-${traceId}-${parentId}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['an illegal trace id', `00-.2345678901234567890123456789012-${parentId}-01`],
    ['a trace id in capitals', `00-A2345678901234567890123456789012-${parentId}-01`],
    ['a long trace id', `00-${traceId}3-${parentId}-01`],
    ['a short trace id', `00-${traceId.slice(1)}-${parentId}-01`],
    ['a parent id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['an illegal parent id', `00-${traceId}-.234567890123456-01`],
    ['a long parent id', `00-${traceId}-${parentId}7-01`],
    ['a short parent id', `00-${traceId}-${parentId.slice(1)}-01`],
    ['illegal flags', `00-${traceId}-${parentId}-.0`],
    ['long flags', `00-${traceId}-${parentId}-001`],
    ['short flags', `00-${traceId}-${parentId}-1`],
  ])('is ignored: %s', (_what, header) => {
    expect(readTraceContext(header, 'foo=1')).toBeUndefined();
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 3 }), (trace, parent, flags) => {
        expect(readTraceContext(traceparent(trace, parent, flags), undefined)).toEqual({
          traceId: trace,
          parentId: parent,
          flags,
          state: undefined,
        });
      }),
    );
  });
});

describe('tracestate', () => {
  const keyChars = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/';
  const visible = Array.from({ length: 0x5f }, (_, n) => String.fromCodePoint(0x20 + n)).join('');

  test.each([
    ['one member', 'foo=1', 'foo=1'],
    ['several', 'foo=1,bar=2', 'foo=1,bar=2'],
    ['a key of all characters', `${keyChars}@a-z0-9_-*/=1`, `${keyChars}@a-z0-9_-*/=1`],
    ['a value of all characters', `a=${visible.replaceAll(/[,=]/g, '')}`, `a=${visible.replaceAll(/[,=]/g, '')}`],
    ['white space around members', ' foo=1 \t , \t bar=2, \t baz=3\t', 'foo=1,bar=2,baz=3'],
    ['empty members, left out', 'foo=1,,bar=2,', 'foo=1,bar=2'],
    ['several headers', ['foo=1', 'bar=2'], 'foo=1,bar=2'],
    ['a key twice, which is kept', 'foo=1,foo=2', 'foo=1,foo=2'],
    ['a key with several @', 'foo@bar@baz=1,bar=2', 'foo@bar@baz=1,bar=2'],
    ['32 members', numbered(32), numbered(32)],
    ['a key of 256 characters', `foo=1,${'z'.repeat(256)}=1`, `foo=1,${'z'.repeat(256)}=1`],
  ])('is passed on: %s', (_what, header, expected) => {
    expect(stateOf(header)).toBe(expected);
  });

  test.each([
    ['nothing', ''],
    ['white space before =', 'foo =1'],
    ['capitals', 'FOO=1'],
    ['a dot', 'foo.bar=1'],
    ['a key that begins with @', '@foo=1,bar=2'],
    ['two =', 'foo=bar=baz'],
    ['no value', 'foo=,bar=3'],
    ['a value that is not ASCII', 'foo=\u00e4'],
    ['33 members', numbered(33)],
    ['a key of 257 characters', `foo=1,${'z'.repeat(257)}=1`],
  ])('is ignored, and traceparent is kept: %s', (_what, header) => {
    expect(readTraceContext(valid, header)).toEqual({ traceId, parentId, flags: 1, state: undefined });
  });

  test('of more than 512 characters loses its long members first, then members at its end', () => {
    const long = `long=${'x'.repeat(200)}`;
    const short = numbered(30);
    expect(stateOf([long, short, long.replace('long', 'last')])).toBe(`${long},${short}`);
    const members = Array.from({ length: 6 }, (_, n) => `m${n}=${'y'.repeat(97)}`);
    expect(stateOf(members)).toBe(members.slice(0, 5).join(','));
    expect(stateOf([0, 1, 2].map((n) => `m${n}=${'y'.repeat(250)}`))?.length).toBeLessThanOrEqual(512);
  });
});
