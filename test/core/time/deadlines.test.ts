import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadlines, type Timed } from '../../../src/core/time/deadlines.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';

class Entry implements Timed<Entry> {
  readonly name: string;
  due = 0;
  armed = false;
  sooner: Entry | undefined = undefined;
  later: Entry | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }
}

function setup() {
  const clock = virtualClock();
  const expired: string[] = [];
  const deadlines = new Deadlines<Entry>(clock, (entry) => expired.push(`${entry.name}@${clock.now()}`));
  return { clock, expired, deadlines };
}

describe('deadlines', () => {
  test('any number of entries share one timer', () => {
    const { clock, deadlines } = setup();
    for (let index = 0; index < 1000; index++) deadlines.arm(new Entry(`${index}`), 100 + index);
    expect(clock.timers).toBe(1);
  });

  test('an entry expires when now reaches its due time, once, and is no longer armed', async () => {
    const { clock, expired, deadlines } = setup();
    const entry = new Entry('a');
    deadlines.arm(entry, 10);
    await clock.advance(9);
    expect(expired).toEqual([]);
    await clock.advance(1);
    expect(expired).toEqual(['a@10']);
    expect(entry.armed).toBe(false);
    await clock.advance(100);
    expect(expired).toHaveLength(1);
  });

  test('after the first entry is disarmed the next one still expires on time', async () => {
    const { clock, expired, deadlines } = setup();
    const first = new Entry('first');
    deadlines.arm(first, 10);
    deadlines.arm(new Entry('second'), 15);
    deadlines.disarm(first);
    deadlines.disarm(first);
    await clock.advance(15);
    expect(expired).toEqual(['second@15']);
  });

  test('an entry that is armed late still expires in order of time', async () => {
    const { clock, expired, deadlines } = setup();
    deadlines.arm(new Entry('b'), 20);
    deadlines.arm(new Entry('a'), 10);
    deadlines.arm(new Entry('c'), 20);
    await clock.advance(20);
    expect(expired).toEqual(['a@10', 'b@20', 'c@20']);
  });

  test('a timer that finds no entry is not set again; rest clears it at once', async () => {
    const { clock, deadlines } = setup();
    const entry = new Entry('a');
    deadlines.arm(entry, 10);
    deadlines.disarm(entry);
    await clock.advance(10);
    expect(clock.timers).toBe(0);
    deadlines.arm(entry, 30);
    deadlines.stopIdleTimer();
    expect(clock.timers).toBe(1);
    deadlines.disarm(entry);
    deadlines.stopIdleTimer();
    expect(clock.timers).toBe(0);
  });

  test('clear leaves no timer, and no entry expires', async () => {
    const { clock, expired, deadlines } = setup();
    for (const name of ['a', 'b', 'c']) deadlines.arm(new Entry(name), 10);
    deadlines.clear();
    expect(clock.timers).toBe(0);
    await clock.advance(20);
    expect(expired).toEqual([]);
  });

  test('an entry may be armed or disarmed while others expire', async () => {
    const clock = virtualClock();
    const expired: string[] = [];
    const other = new Entry('other');
    const again = new Entry('again');
    const deadlines = new Deadlines<Entry>(clock, (entry) => {
      expired.push(entry.name);
      if (entry.name !== 'first') return;
      deadlines.disarm(other);
      deadlines.arm(again, clock.now() + 10);
    });
    deadlines.arm(new Entry('first'), 10);
    deadlines.arm(other, 10);
    await clock.advance(20);
    expect(expired).toEqual(['first', 'again']);
    expect(clock.timers).toBe(0);
  });

  test('exactly the entries that are still armed expire, in order of time', async () => {
    const command = fc.record({ entry: fc.nat(9), arm: fc.boolean(), wait: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
        const { clock, expired, deadlines } = setup();
        const entries = Array.from({ length: 10 }, (_, index) => new Entry(`${index}`));
        const model = new Map<string, number>();
        const expected: string[] = [];
        for (const { entry: index, arm, wait } of commands) {
          const entry = entries[index] ?? new Entry('none');
          model.delete(entry.name);
          if (arm) {
            model.set(entry.name, clock.now() + 5);
            deadlines.arm(entry, clock.now() + 5);
          } else deadlines.disarm(entry);
          await clock.advance(wait);
          for (const [name, due] of model) {
            if (due > clock.now()) continue;
            expected.push(`${name}@${due}`);
            model.delete(name);
          }
          expect(clock.timers).toBeLessThanOrEqual(1);
        }
        expect(expired).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});
