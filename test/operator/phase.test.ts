import { expect, test } from 'vitest';
import {
  isBetweenRuns,
  isClosed,
  isOpen,
  type Phase,
  withInputEnded,
  withRunBegun,
  withRunEnded,
} from '../../src/operator/phase.ts';

const phases: readonly Phase[] = ['open', 'openRun', 'ended', 'endedRun', 'closed'];

test('records are admitted until the input ends, in a run and between two', () => {
  expect(phases.filter(isOpen)).toEqual(['open', 'openRun']);
  expect(phases.filter(isOpen).map(withInputEnded)).toEqual(['ended', 'endedRun']);
});

test('a run begins only between two runs, and not once the operator is closed', () => {
  expect(phases.filter(isBetweenRuns)).toEqual(['open', 'ended']);
  expect(phases.filter(isBetweenRuns).map(withRunBegun)).toEqual(['openRun', 'endedRun']);
});

test('a run ends in the phase that it began in, unless the input ended or the operator was closed in it', () => {
  expect(withRunEnded(withRunBegun('open'))).toBe('open');
  expect(withRunEnded(withInputEnded(withRunBegun('open')))).toBe('ended');
  expect(withRunEnded(withRunBegun('ended'))).toBe('ended');
  expect(withRunEnded('closed')).toBe('closed');
  expect(phases.filter(isClosed)).toEqual(['closed']);
});
