import { expect, test } from 'vitest';
import type { CancelListener } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';

/** A listener that keeps its reasons in a list of all. */
function listener(heard: string[], name: string, then = (): void => {}): CancelListener {
  return {
    callCancelled(reason) {
      heard.push(`${name} ${String(reason)}`);
      then();
    },
  };
}

test('every listener is called once, in the order in which they were added', () => {
  const [call, heard] = [new Cancellation(), [] as string[]];
  for (const name of ['first', 'second', 'third']) call.addCancelListener(listener(heard, name));
  call.cancel('gone');
  call.cancel('again');
  expect(heard).toEqual(['first gone', 'second gone', 'third gone']);
});

test('a listener that is added after the cancellation is called at once', () => {
  const [call, heard] = [new Cancellation(), [] as string[]];
  call.cancel('gone');
  call.addCancelListener(listener(heard, 'late'));
  call.onCancel((reason) => heard.push(`function ${String(reason)}`));
  expect(heard).toEqual(['late gone', 'function gone']);
});

test('a removed listener is not called, and the others are', () => {
  const [call, heard] = [new Cancellation(), [] as string[]];
  const listeners = ['a', 'b', 'c', 'd'].map((name) => listener(heard, name));
  const [a, , c] = listeners as [CancelListener, CancelListener, CancelListener, CancelListener];
  for (const each of listeners) call.addCancelListener(each);
  call.removeCancelListener(c);
  call.removeCancelListener(a);
  call.removeCancelListener(a);
  call.addCancelListener(listener(heard, 'e'));
  call.cancel('gone');
  expect(heard).toEqual(['b gone', 'd gone', 'e gone']);
});

test('a listener that another one removes while the call is cancelled is not called', () => {
  const [call, heard] = [new Cancellation(), [] as string[]];
  const [second, third] = [listener(heard, 'second'), listener(heard, 'third')];
  call.addCancelListener(listener(heard, 'first', () => call.removeCancelListener(third)));
  call.addCancelListener(second);
  call.addCancelListener(third);
  call.cancel('gone');
  expect(heard).toEqual(['first gone', 'second gone']);
});

test('the function that onCancel returns removes only its own listener, however often it is called', () => {
  const [call, heard] = [new Cancellation(), [] as string[]];
  const hook = (reason: unknown): void => void heard.push(String(reason));
  const forget = call.onCancel(hook);
  call.onCancel(hook);
  forget();
  forget();
  call.cancel('gone');
  expect(heard).toEqual(['gone']);
});
