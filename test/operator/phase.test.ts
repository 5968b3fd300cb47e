import { expect, test } from 'vitest';
import {
  isBetweenTurns,
  isClosed,
  isOpen,
  type Phase,
  withInputEnded,
  withTurnBegun,
  withTurnEnded,
} from '../../src/operator/phase.ts';

const phases: readonly Phase[] = ['open', 'openTurn', 'ended', 'endedTurn', 'closed'];

test('records are admitted until the input ends, in a turn and between two', () => {
  expect(phases.filter(isOpen)).toEqual(['open', 'openTurn']);
  expect(phases.filter(isOpen).map(withInputEnded)).toEqual(['ended', 'endedTurn']);
});

test('a turn begins only between two turns, and not once the operator is closed', () => {
  expect(phases.filter(isBetweenTurns)).toEqual(['open', 'ended']);
  expect(phases.filter(isBetweenTurns).map(withTurnBegun)).toEqual(['openTurn', 'endedTurn']);
});

test('a turn ends in the phase that it began in, unless the input ended or the operator was closed in it', () => {
  expect(withTurnEnded(withTurnBegun('open'))).toBe('open');
  expect(withTurnEnded(withInputEnded(withTurnBegun('open')))).toBe('ended');
  expect(withTurnEnded(withTurnBegun('ended'))).toBe('ended');
  expect(withTurnEnded('closed')).toBe('closed');
  expect(phases.filter(isClosed)).toEqual(['closed']);
});
