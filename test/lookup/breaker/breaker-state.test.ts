import { describe, expect, test } from 'vitest';
import {
  admissionOf,
  afterCall,
  afterProbe,
  type BreakerState,
  closed,
  stateAt,
  whileProbing,
} from '../../../src/lookup/breaker/breaker-state.ts';

const rules = { failureRatio: 0.5, minimum: 20, openMs: 5000 };
const counts = { calls: 20, failures: 10 };
const open: BreakerState = { name: 'open', untilMs: 6000, counts };
const halfOpen: BreakerState = { name: 'half_open', probing: false, counts };
const probing: BreakerState = { name: 'half_open', probing: true, counts };

describe('a closed breaker', () => {
  test.each([
    [19, 19],
    [20, 9],
    [1000, 499],
    [20, 0],
  ])('stays closed after %d calls of which %d failed', (calls, failures) => {
    expect(afterCall({ calls, failures }, 1000, rules)).toBe(closed);
  });

  test.each([
    [20, 10],
    [20, 20],
    [1000, 500],
  ])('opens for its open time after %d calls of which %d failed', (calls, failures) => {
    const seen = { calls, failures };
    expect(afterCall(seen, 1000, rules)).toEqual({ name: 'open', untilMs: 6000, counts: seen });
  });

  test('lets every call through', () => {
    expect(admissionOf(closed)).toBe('call');
  });
});

describe('an open breaker', () => {
  test('refuses calls until its time is over, and is half open from then on', () => {
    expect(stateAt(open, 5999)).toBe(open);
    expect(admissionOf(open)).toBe('refuse');
    expect(stateAt(open, 6000)).toEqual(halfOpen);
  });
});

describe('a half-open breaker', () => {
  test('lets one call through as a probe, and refuses others until that call has ended', () => {
    expect(admissionOf(halfOpen)).toBe('probe');
    expect(whileProbing(halfOpen)).toEqual(probing);
    expect(admissionOf(probing)).toBe('refuse');
  });

  test('closes if the probe succeeds, opens again if it fails, and takes another probe if it says nothing', () => {
    expect(afterProbe(probing, 'good', 7000, rules)).toBe(closed);
    expect(afterProbe(probing, 'bad', 7000, rules)).toEqual({ name: 'open', untilMs: 12_000, counts });
    expect(afterProbe(probing, 'nothing', 7000, rules)).toEqual(halfOpen);
  });
});
