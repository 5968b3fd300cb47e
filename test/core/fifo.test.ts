import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fifo } from '../../src/core/fifo.ts';

describe('fifo', () => {
  test('an empty fifo returns undefined', () => {
    const fifo = new Fifo<number>();
    expect(fifo.size).toBe(0);
    expect(fifo.peek()).toBeUndefined();
    expect(fifo.shift()).toBeUndefined();
  });

  test('any sequence of pushes and shifts behaves like an array', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer()), { maxLength: 500 }), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          const shifted = step === null ? [fifo.shift(), model.shift()] : [fifo.push(step), void model.push(step)];
          expect(shifted[0]).toBe(shifted[1]);
          expect(fifo.size).toBe(model.length);
          expect(fifo.peek()).toBe(model[0]);
        }
        expect([...fifo]).toEqual(model);
      }),
    );
  });

  test('it grows beyond its first length wherever its head is', () => {
    const fifo = new Fifo<number>();
    for (let index = 0; index < 10; index++) fifo.push(index);
    for (let index = 0; index < 7; index++) fifo.shift();
    for (let index = 10; index < 100; index++) fifo.push(index);
    expect([...fifo]).toEqual(Array.from({ length: 93 }, (_, index) => index + 7));
    fifo.clear();
    expect([...fifo]).toEqual([]);
  });
});
