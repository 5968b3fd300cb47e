import { describe, expect, it } from 'vitest';
import { dependencies, findCycle, placesOf } from '../../src/pipeline/dependencies.ts';

const place = (from: string, into: string) => placesOf({ with: { key: from }, into });

describe('which step waits for which', () => {
  it('steps that read the record alone wait for nothing', () => {
    expect(dependencies([place('/a', '/x'), place('/b', '/y')])).toEqual([[], []]);
  });

  it('a step that reads below another into waits for it, wherever it stands', () => {
    expect(dependencies([place('/y/z', '/x'), place('/b', '/y')])).toEqual([[1], []]);
  });

  it('a name that only begins alike is another place', () => {
    expect(dependencies([place('/yy', '/x'), place('/b', '/y')])).toEqual([[], []]);
  });

  it('a step that replaces what it reads does not wait for itself', () => {
    expect(dependencies([place('/code', '/code')])).toEqual([[]]);
  });

  it('a circle is found and named from its start to its start', () => {
    const waits = dependencies([place('/c', '/a'), place('/a', '/b'), place('/b', '/c')]);
    expect(findCycle(waits)).toEqual([0, 2, 1, 0]);
  });

  it('two ways to the same step are no circle', () => {
    const waits = dependencies([place('/x', '/a'), place('/a', '/b'), place('/a', '/c'), place('/b/c', '/d')]);
    expect(findCycle(waits)).toBeUndefined();
  });
});
