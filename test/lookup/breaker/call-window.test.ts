import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallWindow } from '../../../src/lookup/breaker/call-window.ts';

test('counts exactly the calls of the current tenth of the window and of the nine before it', () => {
  const calls = fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 400 }), failed: fc.boolean() }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(calls, fc.integer({ min: 0, max: 5000 }), (script, startMs) => {
      const window = new CallWindow(1000);
      const seen: { tenth: number; failed: boolean }[] = [];
      let now = startMs;
      for (const { gapMs, failed } of script) {
        now += gapMs;
        const tenth = Math.floor(now / 100);
        seen.push({ tenth, failed });
        const recent = seen.filter((call) => call.tenth > tenth - 10);
        expect(window.add(now, failed)).toEqual({
          calls: recent.length,
          failures: recent.filter((call) => call.failed).length,
        });
      }
    }),
  );
});

test('a call whose outcome comes a little after that of a later call counts with it, and removes no other one', () => {
  const window = new CallWindow(1000);
  window.add(999, true);
  window.add(1000, true);
  window.add(999.9, false);
  expect(window.add(1001, false)).toEqual({ calls: 4, failures: 2 });
  // The cell of 900 to 999 has become too old, and nothing else.
  expect(window.add(1900, false)).toEqual({ calls: 4, failures: 1 });
});

test('forgets every call when it is cleared', () => {
  const window = new CallWindow(1000);
  window.add(0, true);
  window.clear();
  expect(window.add(1, false)).toEqual({ calls: 1, failures: 0 });
});
