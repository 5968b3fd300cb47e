import { expect, onTestFinished, test } from 'vitest';
import { settled } from '../../../../src/core/time/later-turn.ts';
import { TurnWriter } from '../../../../src/connectors/http/client/request-writer.ts';

/** Errors that no code catches, while the test runs. */
function uncaught(): unknown[] {
  const errors: unknown[] = [];
  const runners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const listen = (error: unknown): void => void errors.push(error);
  process.on('uncaughtException', listen);
  onTestFinished(() => {
    process.off('uncaughtException', listen);
    for (const runner of runners) process.on('uncaughtException', runner);
  });
  return errors;
}

test('a sender that throws does not hold up the others of its turn, and its error is not hidden', async () => {
  const errors = uncaught();
  const writer = new TurnWriter();
  const sent: string[] = [];
  const sender = (name: string, fault?: Error) => ({
    send() {
      sent.push(name);
      if (fault !== undefined) throw fault;
      // Made while others are sent: it belongs to the next turn.
      if (name === 'first') writer.add(sender('of the next turn'));
    },
  });
  const faults = [new Error('one'), new Error('two'), new Error('last')] as const;
  writer.add(sender('first'));
  writer.add(sender('second', faults[0]));
  writer.add(sender('third'));
  writer.add(sender('fourth', faults[1]));
  writer.add(sender('fifth'));
  writer.add(sender('sixth', faults[2]));
  await settled();
  expect(sent).toEqual(['first', 'second', 'of the next turn', 'third', 'fourth', 'fifth', 'sixth']);
  expect(errors).toEqual(faults);
  writer.add(sender('later'));
  await settled();
  expect(sent.at(-1)).toBe('later');
});
