import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/schema/schema.ts';
import { Generation, Generations } from '../../src/pipeline/generations.ts';

const config = configSchema.parse({ pipelines: { p: { enrich: [{ lookup: 'a', with: { id: '/id' }, into: '/a' }] } } });

/** A generation that notes in `closed` when its pipelines are closed. */
function generation(name: string, closed: string[], close = async (): Promise<void> => {}): Generation {
  const pipelines = {
    names: [name],
    get: () => undefined,
    close: async () => {
      closed.push(name);
      await close();
    },
  };
  return new Generation({ config, pipelines, describe: () => name });
}

function started(closed: string[]) {
  const heard: unknown[] = [];
  const first = generation('first', closed);
  const generations = new Generations(first, (error) => void heard.push(error));
  return { first, generations, heard };
}

test('after the swap `current` is the new one; the old one stays open until it is released', async () => {
  const closed: string[] = [];
  const { first, generations, heard } = started(closed);
  const release = generations.current.keepOpen();
  const second = generation('second', closed);
  generations.replace(second);
  expect(generations.current).toBe(second);
  expect(generations.open).toEqual([second, first]);
  expect(closed).toEqual([]);
  release();
  expect(closed).toEqual(['first']);
  expect(generations.open).toEqual([second]);
  await generations.close();
  expect(closed).toEqual(['first', 'second']);
  expect(heard).toEqual([undefined]);
});

test('one that no stream holds is closed at the swap', () => {
  const closed: string[] = [];
  const { generations } = started(closed);
  generations.current.keepOpen()();
  generations.replace(generation('second', closed));
  expect(closed).toEqual(['first']);
});

test('it is closed by the last of several holders, and releasing twice counts once', () => {
  const closed: string[] = [];
  const { first, generations } = started(closed);
  const [one, other] = [first.keepOpen(), first.keepOpen()];
  generations.replace(generation('second', closed));
  one();
  one();
  expect([first.holders, closed]).toEqual([1, []]);
  other();
  expect([first.holders, closed]).toEqual([0, ['first']]);
});

test('each holder keeps its own generation open', () => {
  const closed: string[] = [];
  const { first, generations } = started(closed);
  const ofFirst = first.keepOpen();
  const second = generation('second', closed);
  generations.replace(second);
  const ofSecond = second.keepOpen();
  generations.replace(generation('third', closed));
  ofSecond();
  expect(closed).toEqual(['second']);
  ofFirst();
  expect(closed).toEqual(['second', 'first']);
});

test('a failure to close is reported, and the other generations go on', async () => {
  const closed: string[] = [];
  const { generations, heard } = started(closed);
  generations.replace(generation('second', closed, () => Promise.reject(new Error('stuck'))));
  generations.replace(generation('third', closed));
  await generations.close();
  expect(closed).toEqual(['first', 'second', 'third']);
  expect(heard).toEqual([undefined, new Error('stuck')]);
});

test('the end of the service closes generations that are still held, and a later release closes none twice', async () => {
  const closed: string[] = [];
  const { generations } = started(closed);
  const release = generations.current.keepOpen();
  generations.replace(generation('second', closed));
  await generations.close();
  release();
  expect(closed.toSorted()).toEqual(['first', 'second']);
});
