import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { inLaterTurn, inMicrotask, laterTurn } from '../../../src/core/time/later-turn.ts';

test('a microtask runs before a later turn, and both run after the function that scheduled them', async () => {
  const ran: string[] = [];
  inLaterTurn(() => ran.push('turn'));
  inMicrotask(() => ran.push('microtask'));
  ran.push('now');
  await laterTurn();
  expect(ran).toEqual(['now', 'microtask', 'turn']);
});

test('functions for later turns run in order; the promise jobs of one run before the next one', async () => {
  const ran: string[] = [];
  for (const name of ['first', 'second']) {
    inLaterTurn(() => {
      ran.push(name);
      inMicrotask(() => ran.push(`after ${name}`));
    });
  }
  await laterTurn();
  expect(ran).toEqual(['first', 'after first', 'second', 'after second']);
});

test('a function that is scheduled by another runs in a turn of its own', async () => {
  const ran: string[] = [];
  inLaterTurn(() => {
    inLaterTurn(() => ran.push('inner'));
    ran.push('outer');
  });
  await laterTurn();
  expect(ran).toEqual(['outer']);
  await laterTurn();
  expect(ran).toEqual(['outer', 'inner']);
});

/** The output of a program that runs in a process of its own. */
function outputOf(program: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
}

const importThem = `const { inLaterTurn, inMicrotask, laterTurn } = await import('./src/core/time/later-turn.ts');\n`;

test('the other functions run even if one throws', () => {
  const program = `${importThem}process.on('uncaughtException', (error) => console.log(error.message));
    inLaterTurn(() => { throw new Error('thrown'); });
    inLaterTurn(() => console.log('next'));`;
  expect(outputOf(program)).toBe('thrown\nnext\n');
});

test('without immediates, as in a browser, turns are scheduled by messages, which do not keep a process alive', () => {
  const program = `delete globalThis.setImmediate;\n${importThem}
    inLaterTurn(() => console.log('first'));
    inLaterTurn(() => console.log('second'));
    inMicrotask(() => console.log('microtask'));
    await laterTurn();
    console.log('later');`;
  expect(outputOf(program)).toBe('microtask\nfirst\nsecond\nlater\n');
});
