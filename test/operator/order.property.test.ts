import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { modes, Scripted, type Mode } from './scripted.ts';

/** One event of the operator; numbers choose among the records of that moment. */
type Event =
  | { readonly kind: 'offer'; readonly key: number }
  | { readonly kind: 'watermark' }
  | { readonly kind: 'turn' }
  | { readonly kind: 'complete' | 'fail' | 'again'; readonly which: number }
  | { readonly kind: 'reader'; readonly readable: boolean }
  | { readonly kind: 'time'; readonly ms: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('offer' as const), key: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('watermark' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('complete' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'again' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reader' as const), readable: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(60) }) },
);

/** The events so far, from which the rules derive the possible output. */
interface Story {
  readonly admitted: string[];
  readonly completed: string[];
  readonly output: readonly string[];
}

function nameOf(line: string): string {
  return line.startsWith('| ') ? line : (line.split(' ')[0] ?? '').toLowerCase();
}

/** The records (or watermarks) between watermark number `index - 1` and number `index`. */
function segments(names: readonly string[]): string[][] {
  const found: string[][] = [[]];
  for (const name of names) {
    if (name.startsWith('| ')) found.push([]);
    else found.at(-1)?.push(name);
  }
  return found;
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, index) => name === right[index]);
}

/** The rule that the output breaks, if any. */
function brokenRule(mode: Mode, { admitted, completed, output }: Story): string | undefined {
  const emitted = output.map(nameOf);
  if (mode === 'ordered') return same(emitted, admitted.slice(0, emitted.length)) ? undefined : 'O1';
  const [expected, given] = [segments(admitted), segments(emitted)];
  for (const [index, segment] of given.entries()) {
    const members = new Set(expected[index]);
    const inOrder = completed.filter((name) => members.has(name));
    if (!same(segment, inOrder.slice(0, segment.length))) return 'O2: order of completion between two watermarks';
    if (index < given.length - 1 && segment.length < members.size) return 'O2: a watermark waits for all before it';
  }
  for (const key of mode === 'keyed' ? ['a', 'b', 'c', 'd'] : []) {
    const [out, into] = [emitted, admitted].map((names) => names.filter((name) => name.startsWith(key)));
    if (!same(out ?? [], (into ?? []).slice(0, out?.length))) return 'O3: order of input for each key';
  }
  return undefined;
}

describe.each(modes)('in any order of completion: %s', (mode) => {
  test('O1 O2 O3 O4 C2 C6 hold after every event', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(event, { maxLength: 80 }), async (capacity, events) => {
        const operator = new Scripted({ mode, capacity, timeoutMs: 100 });
        const admitted: string[] = [];
        const completed: string[] = [];
        const running = () =>
          operator.started.filter((name) => operator.call(name).isCurrent && !completed.includes(name));
        // A timeout completes a record as well; its cancellation reports it.
        const noteTimeouts = () => completed.push(...operator.cancelled.filter((name) => !completed.includes(name)));
        let serial = 0;
        let attempts = 0;
        function apply(next: Exclude<Event, { kind: 'time' }>): void {
          if (next.kind === 'offer') {
            const name = `${'abcd'[next.key]}${serial++}`;
            if (operator.wait.offer(name)) admitted.push(name);
          } else if (next.kind === 'watermark') {
            const value = serial++;
            if (operator.watermark(value)) admitted.push(`| ${value}`);
          } else if (next.kind === 'turn') operator.turn();
          else if (next.kind === 'reader') {
            operator.readable = next.readable;
            if (next.readable) operator.wait.downstreamReady();
          } else finish(next.kind, next.which);
        }
        function finish(kind: 'complete' | 'fail' | 'again', which: number): void {
          const candidates = kind === 'again' ? completed : running();
          const name = candidates[which % candidates.length];
          if (name === undefined) return;
          if (kind !== 'again') completed.push(name);
          if (kind === 'fail') operator.call(name).fail(new Error('broken'));
          else operator.call(name).complete(name.toUpperCase());
        }
        function check(): void {
          expect(operator.wait.size, 'C2').toBeLessThanOrEqual(capacity);
          expect(operator.wait.inFlight, 'C6').toBeLessThanOrEqual(capacity);
          expect(operator.wait.size, 'O4').toBe(admitted.length - operator.output.length);
          attempts = Math.max(attempts, operator.wait.inFlight);
          expect(brokenRule(mode, { admitted, completed, output: operator.output })).toBeUndefined();
          const keys = mode === 'keyed' ? running().map((name) => name.slice(0, 1)) : [];
          expect(new Set(keys).size, 'O3: one call at a time').toBe(keys.length);
        }
        for (const next of events) {
          if (next.kind === 'time') {
            await operator.clock.advance(next.ms);
            noteTimeouts();
          } else apply(next);
          check();
        }
        operator.wait.end();
        apply({ kind: 'reader', readable: true });
        for (let left = running(); left.length > 0; left = running()) finish('complete', left.length);
        operator.turn();
        check();
        expect(operator.output, 'O4').toHaveLength(admitted.length);
        expect(operator.events.at(-1), 'E1').toBe('end');
        expect(operator.clock.timers, 'T6').toBe(0);
        expect(operator.wait.highestInFlight).toBe(attempts);
      }),
      { numRuns: 60 },
    );
  });
});
