import { expect, test } from 'vitest';
import type { KnownAnswer, LifetimeFields } from '../../../src/core/call/known-answer.ts';
import type { CachingFields } from '../../../src/connectors/http/client/answer-head.ts';
import { freshnessOf } from '../../../src/connectors/http/http-freshness.ts';

const none = {
  store: true,
  freshMs: undefined,
  staleWhileRevalidateMs: undefined,
  staleIfErrorMs: undefined,
  validators: [],
  lifetime: {},
};
const never = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
const day = 86_400_000;
const date = (ms: number): string => new Date(Date.now() + ms).toUTCString();

test.each<[string, CachingFields, object]>([
  ['nothing', {}, {}],
  ['max-age', { 'cache-control': 'max-age=60' }, { freshMs: 60_000 }],
  ['upper case, quotes and other directives', { 'cache-control': 'Public , MAX-AGE="60",x=y' }, { freshMs: 60_000 }],
  ['s-maxage before max-age', { 'cache-control': 'max-age=60, s-maxage=5' }, { freshMs: 5000, ...never }],
  ['the first of two', { 'cache-control': 'max-age=60, max-age=5' }, { freshMs: 60_000 }],
  ['an age that is no number', { 'cache-control': 'max-age=1h' }, { freshMs: 0 }],
  ['max-age before Expires', { 'cache-control': 'max-age=60', expires: date(day) }, { freshMs: 60_000 }],
  ['Age', { 'cache-control': 'max-age=60', age: '20' }, { freshMs: 40_000 }],
  ['an age beyond its end', { 'cache-control': 'max-age=60', age: '70' }, { freshMs: 0 }],
  ['an Age that is no number', { 'cache-control': 'max-age=60', age: 'old' }, { freshMs: 60_000 }],
  ['no-store', { 'cache-control': 'no-store, max-age=60' }, { store: false }],
  ['private', { 'cache-control': 'private="x-user", max-age=60' }, { store: false }],
  ['no-cache without a validator', { 'cache-control': 'no-cache' }, { store: false, freshMs: 0, ...never }],
  [
    'no-cache with a validator',
    { 'cache-control': 'no-cache, max-age=60', etag: '"1"' },
    {
      freshMs: 0,
      ...never,
      validators: ['if-none-match', '"1"'],
      lifetime: { 'cache-control': 'no-cache, max-age=60' },
    },
  ],
  ['must-revalidate', { 'cache-control': 'max-age=60, must-revalidate' }, { freshMs: 60_000, ...never }],
  ['proxy-revalidate', { 'cache-control': 'max-age=60, proxy-revalidate' }, { freshMs: 60_000, ...never }],
  [
    'times of an old answer',
    { 'cache-control': 'max-age=60, stale-while-revalidate=5, stale-if-error=7' },
    { freshMs: 60_000, staleWhileRevalidateMs: 5000, staleIfErrorMs: 7000 },
  ],
  ['Vary', { 'cache-control': 'max-age=60', vary: 'accept-language' }, { store: false }],
  ['Vary: Accept-Encoding', { 'cache-control': 'max-age=60', vary: 'Accept-Encoding' }, { freshMs: 60_000 }],
  [
    'Vary: Accept-Encoding and another field',
    { 'cache-control': 'max-age=60', vary: 'Accept-Encoding, Accept' },
    { store: false },
  ],
  ['an empty Vary', { 'cache-control': 'max-age=60', vary: '' }, { freshMs: 60_000 }],
  ['an Expires that is no date', { expires: '0' }, { freshMs: 0 }],
  ['an Expires that has passed', { expires: date(-day) }, { freshMs: 0 }],
  [
    'both validators',
    { etag: 'W/"1"', 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' },
    { validators: ['if-none-match', 'W/"1"', 'if-modified-since', 'Wed, 21 Oct 2015 07:28:00 GMT'] },
  ],
])('an answer with %s', (_, fields, expected) => {
  expect(freshnessOf(fields, 0, undefined)).toEqual({ ...none, ...expected });
});

test('each answer has the times of its own header, whatever the one before it says', () => {
  const controls = ['max-age=60', 'max-age=30', 'no-store', 'max-age=60', 'max-age=30, max-age=5'];
  const fresh = controls.map((control) => freshnessOf({ 'cache-control': control }, 0, undefined));
  expect(fresh.map(({ store, freshMs }) => (store ? freshMs : store))).toEqual([60_000, 30_000, false, 60_000, 30_000]);
  const expires = [date(day), date(-day), date(day)].map((value) => freshnessOf({ expires: value }, 0, undefined));
  expect(expires.map(({ freshMs = 0 }) => freshMs > 0)).toEqual([true, false, true]);
});

test('an answer with Expires and Date is fresh for the time between them, whatever the clock of the server says', () => {
  const fields = { date: 'Sat, 28 Nov 2099 00:00:00 GMT', expires: 'Sat, 28 Nov 2099 00:01:00 GMT' };
  expect(freshnessOf(fields, 0, undefined).freshMs).toBe(60_000);
});

test('an answer that was written an hour ago is an hour old, also without Age', () => {
  const { freshMs = 0 } = freshnessOf({ 'cache-control': 'max-age=7200', date: date(-3_600_000) }, 0, undefined);
  expect(freshMs).toBeGreaterThan(3_500_000);
  expect(freshMs).toBeLessThanOrEqual(3_602_000);
});

test('the time of the call is a part of the age that another cache states', () => {
  expect(freshnessOf({ 'cache-control': 'max-age=60', age: '20' }, 500, undefined).freshMs).toBe(39_500);
});

test('an answer that confirms a known one keeps its validators, unless it has its own', () => {
  const known = { json: '1', validators: ['if-none-match', '"1"'], lifetime: {} };
  expect(freshnessOf({ 'cache-control': 'max-age=60' }, 0, known).validators).toEqual(known.validators);
  expect(freshnessOf({ etag: '"2"' }, 0, known).validators).toEqual(['if-none-match', '"2"']);
});

function knownWith(lifetime: LifetimeFields): KnownAnswer {
  return { json: '1', validators: ['if-none-match', '"1"'], lifetime };
}

test('an answer that confirms a known one keeps its Cache-Control and Expires, each unless it has its own', () => {
  const control = { 'cache-control': 'max-age=60, must-revalidate' };
  expect(freshnessOf({}, 0, knownWith(control))).toEqual({
    ...none,
    ...never,
    freshMs: 60_000,
    validators: ['if-none-match', '"1"'],
    lifetime: control,
  });
  expect(freshnessOf({ 'cache-control': 'max-age=5' }, 0, knownWith(control))).toMatchObject({
    freshMs: 5000,
    staleIfErrorMs: undefined,
    lifetime: { 'cache-control': 'max-age=5' },
  });
  const expires = { expires: 'Sat, 28 Nov 2099 00:01:00 GMT' };
  const confirmation = { 'cache-control': 'must-revalidate', date: 'Sat, 28 Nov 2099 00:00:00 GMT' };
  expect(freshnessOf(confirmation, 0, knownWith(expires))).toMatchObject({
    freshMs: 60_000,
    staleIfErrorMs: 0,
    lifetime: { 'cache-control': 'must-revalidate', ...expires },
  });
});
