import { describe, expect, test } from 'vitest';
import { CallResult } from '../../src/operator/call-result.ts';

/** Joins its values, and refuses an empty collection. */
class Joined extends CallResult<string, string> {
  readonly endings: string[] = [];

  protected override answerOf(values: Iterable<string>): string {
    const all = [...values];
    if (all.length === 0) throw new Error('no value');
    return all.join('+');
  }

  protected override errorOf(error: unknown): Error {
    return new Error(`failed: ${error instanceof Error ? error.message : String(error)}`);
  }

  protected override ended(answer: string | undefined, error: unknown): void {
    this.endings.push(answer ?? String(error));
  }
}

describe('the future of one call', () => {
  test('a completion during the call is the answer, without a promise', () => {
    expect(new Joined().run((result) => result.complete(['a', 'b']))).toBe('a+b');
    expect(new Joined().run((result) => result.complete(() => ['a']))).toBe('a');
  });

  test.each([
    ['completes exceptionally', (result: Joined) => result.completeExceptionally('no'), 'failed: no'],
    ['has a supplier that throws', (result: Joined) => result.complete(thrower), 'failed: thrown'],
    ['completes with values that are refused', (result: Joined) => result.complete([]), 'failed: no value'],
    ['throws', () => thrower(), 'failed: thrown'],
  ])('a call that %s throws the error of errorOf', (_, invoke, message) => {
    expect(() => new Joined().run(invoke)).toThrow(message);
  });

  test('a later completion resolves the promise, and a later failure rejects it', async () => {
    const answered = new Joined();
    const answer = answered.run(() => undefined);
    answered.complete(['a']);
    expect(await answer).toBe('a');
    const failed = new Joined();
    const failure = failed.run(() => undefined);
    failed.completeExceptionally('no');
    await expect(failure).rejects.toThrow('failed: no');
  });

  test('a promise that the function returns fails the call when it rejects, and does not complete it', async () => {
    await expect(new Joined().run(() => Promise.reject(new Error('rejected')))).rejects.toThrow('failed: rejected');
    const result = new Joined();
    const answer = result.run(() => Promise.resolve(['ignored']));
    await Promise.resolve();
    result.complete(['a']);
    expect(await answer).toBe('a');
  });

  test('the first completion wins, and the end is reported once', () => {
    const result = new Joined();
    const answer = result.run(() => {
      result.complete(['first']);
      result.complete(['second']);
      result.completeExceptionally('third');
      throw new Error('fourth');
    });
    expect([answer, result.endings]).toEqual(['first', ['first']]);
  });

  test('a supplier of a late completion is not called', () => {
    const result = new Joined();
    expect(result.run(() => result.complete(['a']))).toBe('a');
    let called = false;
    result.complete(() => {
      called = true;
      return [];
    });
    expect(called).toBe(false);
  });

  test('values that complete the call while they are iterated lose to that completion', () => {
    const result = new Joined();
    function* values(): Generator<string> {
      result.complete(['inner']);
      yield 'outer';
    }
    expect(result.run(() => result.complete(values()))).toBe('inner');
    expect(result.endings).toEqual(['inner']);
  });
});

function thrower(): never {
  throw new Error('thrown');
}
