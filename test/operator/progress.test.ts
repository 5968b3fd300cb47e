import { expect, test } from 'vitest';
import { Progress } from '../../src/operator/progress.ts';

function emit(progress: Progress, ...seqs: readonly number[]): void {
  for (const seq of seqs) {
    progress.emitting(seq);
    progress.emitted();
  }
}

function read(progress: Progress, ...seqs: readonly number[]): void {
  for (const seq of seqs) progress.read(seq);
}

test('elements emitted in order leave none pending', () => {
  const progress = new Progress(5);
  read(progress, 5, 6, 7);
  emit(progress, 5, 6);
  expect(progress.checkpoint()).toEqual({ next: 7, pending: [] });
});

test('an element is pending while a later one was emitted, and it was not', () => {
  const progress = new Progress(0);
  read(progress, 0, 1, 2, 3, 4);
  emit(progress, 3, 1);
  expect(progress.pending).toBe(2);
  expect(progress.checkpoint()).toEqual({ next: 4, pending: [0, 2] });
  emit(progress, 0, 2, 4);
  expect(progress.checkpoint()).toEqual({ next: 5, pending: [] });
});

test('an element that was taken out but not emitted is not counted', () => {
  const progress = new Progress(0);
  read(progress, 0, 1);
  emit(progress, 0);
  progress.emitting(1);
  expect([progress.fresh, progress.checkpoint()]).toEqual([1, { next: 1, pending: [] }]);
});

test('fresh counts the elements that were emitted since the last checkpoint', () => {
  const progress = new Progress(0);
  read(progress, 0, 1, 2);
  emit(progress, 0, 1);
  expect(progress.fresh).toBe(2);
  progress.checkpoint();
  expect(progress.fresh).toBe(0);
  emit(progress, 2);
  expect(progress.fresh).toBe(1);
});

test('a resumed checkpoint keeps its pending elements before the new ones, until each is emitted or blank', () => {
  const progress = new Progress(0);
  expect(progress.started).toBe(false);
  progress.resume({ next: 10, pending: [3, 7, 9] });
  expect(progress.started).toBe(true);
  read(progress, 3, 7, 9, 10, 11);
  emit(progress, 7, 11);
  progress.blank(9);
  expect(progress.checkpoint()).toEqual({ next: 12, pending: [3, 10] });
});
