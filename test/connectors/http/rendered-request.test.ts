import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOfArgument, RenderedRequest } from '../../../src/connectors/http/rendered-request.ts';
import { notHashed, TextKey } from '../../../src/lookup/coalesce/request-key.ts';
import { RawJson } from '../../../src/lookup/lookup.ts';

const part = fc.constantFrom('', 'a', 'b', 'ab', 'x'.repeat(130));
const requests = fc.record({
  path: part.map((text) => `/${text}`),
  headers: fc.tuple(part, part),
  body: fc.option(part.map((text) => `{${text}\n}`)),
  validators: fc.option(fc.constantFrom(['if-none-match', '"1"'], ['if-none-match', '"2"']), { nil: undefined }),
});
type Parts = typeof requests extends fc.Arbitrary<infer P> ? P : never;

function rendered({ path, headers: [one, other], body, validators }: Parts): RenderedRequest {
  const request = new RenderedRequest({}, path, ['accept', one, 'x-key', other], body);
  request.validators = validators;
  request.hash = request.hashOf(false, 0x9e3779b9);
  return request;
}

describe('the key of a request', () => {
  test('is equal to another one, by its parts, its text and its hash, if and only if nothing that is sent differs', () => {
    fc.assert(
      fc.property(requests, requests, (some, others) => {
        const [one, other] = [rendered(some), rendered(others)];
        const equal = JSON.stringify(some) === JSON.stringify(others);
        expect([one.equals(other), one.text === other.text]).toEqual([equal, equal]);
        expect(equal && one.hash !== other.hash).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });

  test('has another hash with another path, header or body, and none if one of them is long', () => {
    const parts: Parts = { path: '/a', headers: ['a', 'a'], body: 'a', validators: undefined };
    const others = [
      { path: '/b' },
      { headers: ['b', 'a'] as [string, string] },
      { headers: ['a', 'b'] as [string, string] },
      { body: 'b' },
    ];
    const hashes = [parts, ...others.map((other) => ({ ...parts, ...other }))].map((one) => rendered(one).hash);
    expect(new Set(hashes).size).toBe(5);
    const long = 'x'.repeat(129);
    const longer = [{ path: long }, { headers: [long, 'a'] as [string, string] }, { body: long }];
    expect(longer.map((other) => rendered({ ...parts, ...other }).hash)).toEqual([notHashed, notHashed, notHashed]);
    expect(rendered(parts).equals(new TextKey(rendered(parts).text, 1))).toBe(false);
  });

  test('has the same hash for values of one argument that may be sent alike', () => {
    const alike = [
      ['1', 1, new RawJson('1')],
      ['1e+21', 1e21],
      ['1.0', new RawJson('1.0')],
      ['true', true],
    ];
    for (const values of alike) expect(new Set(values.map((value) => hashOfArgument(value, 12_345))).size).toBe(1);
    expect(new Set(alike.map(([value]) => hashOfArgument(value, 12_345))).size).toBe(4);
  });
});
