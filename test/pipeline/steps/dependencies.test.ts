import { describe, expect, it } from 'vitest';
import { parsePointer } from '../../../src/core/json/json-pointer.ts';
import { dependencies, findCycle, placesOf } from '../../../src/pipeline/steps/dependencies.ts';

const place = (from: string, into: string, ...tests: string[]) =>
  placesOf({ with: { key: from }, into }, tests.map(parsePointer));
const waits = (...steps: ReturnType<typeof place>[]) => dependencies(steps).map(({ waitsFor }) => waitsFor);

describe('which step waits for which', () => {
  it('steps that read only the record do not wait', () => {
    expect(waits(place('/a', '/x'), place('/b', '/y'))).toEqual([[], []]);
  });

  it('a step that reads below another into waits for it, in any order of the steps', () => {
    expect(waits(place('/y/z', '/x'), place('/b', '/y'))).toEqual([[1], []]);
  });

  it('a name that only begins alike is another place', () => {
    expect(waits(place('/yy', '/x'), place('/b', '/y'))).toEqual([[], []]);
  });

  it('a step that replaces the value that it reads does not wait for itself', () => {
    expect(waits(place('/code', '/code', '/code'))).toEqual([[]]);
  });

  it('an expression that reads at or below another into waits for it, in any order of the steps', () => {
    expect(waits(place('/a', '/x', '/y'), place('/b', '/y'))).toEqual([[1], []]);
    expect(waits(place('/a', '/x', '/y/z/0'), place('/b', '/y'))).toEqual([[1], []]);
    expect(waits(place('/a', '/x', '/z', '/yy'), place('/b', '/y'))).toEqual([[], []]);
  });

  it('an expression that reads above another into waits for it if that step comes before', () => {
    expect(waits(place('/b', '/y/z'), place('/a', '/x', '/y'))).toEqual([[], [0]]);
    expect(waits(place('/a', '/x', '/y'), place('/b', '/y/z'))).toEqual([[], []]);
  });

  it('an expression that reads the record as a whole waits for every step before', () => {
    expect(waits(place('/a', '/x'), place('/b', '/y', ''), place('/c', '/z'))).toEqual([[], [0], []]);
  });

  it('two expressions above both places do not wait for each other', () => {
    const steps = [place('/id', '/customer/address', '/customer'), place('/id', '/customer/score', '/customer')];
    expect(findCycle(waits(...steps))).toBeUndefined();
  });

  it('a step needs only the answers that its arguments come from', () => {
    const steps = [place('/a', '/x'), place('/b', '/y'), place('/y', '/z', '/x')];
    expect(dependencies(steps)[2]).toEqual({ waitsFor: [0, 1], needs: [1] });
  });

  it('a circle is found and named from its start to its start', () => {
    expect(findCycle(waits(place('/c', '/a'), place('/a', '/b'), place('/b', '/c')))).toEqual([0, 2, 1, 0]);
  });

  it('a circle through an expression is one', () => {
    expect(findCycle(waits(place('/k', '/a', '/b'), place('/a', '/b')))).toEqual([0, 1, 0]);
  });

  it('two ways to the same step are no circle', () => {
    const steps = [place('/x', '/a'), place('/a', '/b'), place('/a', '/c'), place('/b/c', '/d')];
    expect(findCycle(waits(...steps))).toBeUndefined();
  });
});
