import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { protectInput } from '../../../src/library/checkpoint/protect.ts';

describe('protectInput', () => {
  test('primitives, frozen objects, functions and instances of classes are kept as they are', () => {
    class Own {
      value = 1;
    }
    const kept = [
      1,
      'text',
      null,
      undefined,
      Object.freeze({ a: 1 }),
      () => 1,
      new Own(),
      new Date(),
      Buffer.from('x'),
    ];
    for (const value of kept) expect(protectInput(value)).toBe(value);
  });

  test('JSON values are copied at every depth', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const protectedValue = protectInput(value);
        expect(JSON.stringify(protectedValue)).toBe(text);
        expect(protectedValue === value).toBe(typeof value !== 'object' || value === null);
      }),
    );
  });

  test('later changes at any depth do not reach the copy', () => {
    const input = { list: [{ deep: 1 }], date: new Date(0) };
    const seen = protectInput(input);
    const [first] = input.list;
    if (first !== undefined) first.deep = 2;
    input.list.push({ deep: 3 });
    expect(seen).toEqual({ list: [{ deep: 1 }], date: input.date });
  });

  test('a circular object is copied into a circular object', () => {
    const input: { self?: unknown; list: unknown[] } = { list: [] };
    input.self = input;
    input.list.push(input);
    const seen = protectInput(input);
    expect(seen).not.toBe(input);
    let inner: unknown = seen;
    for (let depth = 0; depth < 100; depth++) {
      if (typeof inner !== 'object' || inner === null || !('self' in inner)) throw new Error('the circle is broken');
      inner = inner.self;
      expect(inner).not.toBe(input);
    }
  });

  test('a member named __proto__ stays a member', () => {
    const input: unknown = JSON.parse('{"__proto__": {"admin": true}, "a": 1}');
    const seen = protectInput(input);
    expect(JSON.stringify(seen)).toBe('{"__proto__":{"admin":true},"a":1}');
    expect(Object.getPrototypeOf(seen)).toBe(Object.prototype);
  });
});
