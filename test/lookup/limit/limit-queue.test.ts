import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type QueuedCall,
  type WaitingLine,
  type WeightedStream,
  LimitQueue,
} from '../../../src/lookup/limit/limit-queue.ts';

class Call implements QueuedCall<Call> {
  line: WaitingLine<Call> | undefined = undefined;
  earlier: Call | undefined = undefined;
  later: Call | undefined = undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const ofWeight = (weight = 1): WeightedStream => ({ weight });

function filled(...streams: readonly (readonly [stream: WeightedStream, calls: number])[]): LimitQueue<Call> {
  const queue = new LimitQueue<Call>();
  streams.forEach(([stream, calls], place) => {
    for (let n = 0; n < calls; n++) queue.add(stream, new Call(`${'abcdef'[place]}${n}`));
  });
  return queue;
}

function taken(queue: LimitQueue<Call>, count = Infinity): string[] {
  const names: string[] = [];
  for (let call = queue.take(); call !== undefined; call = queue.take()) {
    names.push(call.name);
    if (names.length === count) break;
  }
  return names;
}

describe('turns', () => {
  test('go round the streams, and within a stream to its oldest call', () => {
    const queue = filled([ofWeight(), 4], [ofWeight(), 2], [ofWeight(), 1]);
    expect(taken(queue)).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3']);
    expect(queue.size).toBe(0);
  });

  test('of a stream with 10,000 waiting calls are no more than those of one with ten', () => {
    const queue = filled([ofWeight(), 10_000], [ofWeight(), 10], [ofWeight(), 10]);
    const first = taken(queue, 30).map((name) => name.charAt(0));
    expect(['a', 'b', 'c'].map((stream) => first.filter((name) => name === stream).length)).toEqual([10, 10, 10]);
  });

  test('reach a new stream after all streams that wait already', () => {
    const queue = filled([ofWeight(), 3], [ofWeight(), 3]);
    expect(taken(queue, 1)).toEqual(['a0']);
    queue.add(ofWeight(), new Call('n0'));
    expect(taken(queue, 4)).toEqual(['b0', 'a1', 'n0', 'b1']);
  });

  test('of a stream are as many in a round as its weight, one after the other', () => {
    const queue = filled([ofWeight(3), 7], [ofWeight(1), 3], [ofWeight(2), 4]);
    expect(taken(queue).join(' ')).toBe('a0 a1 a2 b0 c0 c1 a3 a4 a5 b1 c2 c3 a6 b2');
  });

  test('that a stream cannot use are lost: when it waits again, its round begins anew', () => {
    const queue = filled([ofWeight(2), 1], [ofWeight(2), 4]);
    expect(taken(queue, 2)).toEqual(['a0', 'b0']);
    const late = ofWeight(2);
    for (let n = 0; n < 3; n++) queue.add(late, new Call(`l${n}`));
    expect(taken(queue)).toEqual(['b1', 'l0', 'l1', 'b2', 'b3', 'l2']);
  });
});

test('a call that leaves the queue twice, or was taken before, changes nothing', () => {
  const queue = new LimitQueue<Call>();
  const [one, other] = [new Call('one'), new Call('other')];
  const both = ofWeight();
  queue.add(both, one);
  queue.add(both, other);
  queue.remove(one);
  queue.remove(one);
  expect([queue.size, queue.take(), queue.take()]).toEqual([1, other, undefined]);
  queue.remove(other);
  expect(queue.size).toBe(0);
});

test('for any order of joining, leaving and turns the queue does what a list of lists does', () => {
  const streams = [1, 1, 2, 3].map(ofWeight);
  const steps = fc.array(
    fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ remove: fc.nat() }),
      fc.constant('take' as const),
    ),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, (script) => {
      const queue = new LimitQueue<Call>();
      // Each line with the turns that it has left; the first line has the next turn.
      let round: { stream: number; calls: Call[]; turns: number }[] = [];
      let came = 0;
      const seen: unknown[] = [];
      const wanted: unknown[] = [];
      for (const step of script) {
        if (step === 'take') {
          const line = round[0];
          const expected = line?.calls.shift();
          if (line !== undefined && --line.turns === 0) {
            line.turns = streams[line.stream]?.weight ?? 1;
            round.push(...round.splice(0, 1));
          }
          round = round.filter(({ calls }) => calls.length > 0);
          seen.push(queue.take());
          wanted.push(expected);
        } else if ('add' in step) {
          const call = new Call(String(came++));
          queue.add(streams[step.add] ?? ofWeight(), call);
          const line = round.find(({ stream }) => stream === step.add);
          if (line === undefined) {
            round.push({ stream: step.add, calls: [call], turns: streams[step.add]?.weight ?? 1 });
          } else line.calls.push(call);
        } else {
          const waiting = round.flatMap(({ calls }) => calls);
          const call = waiting[step.remove % Math.max(1, waiting.length)];
          if (call === undefined) continue;
          queue.remove(call);
          for (const line of round) line.calls = line.calls.filter((other) => other !== call);
          round = round.filter(({ calls }) => calls.length > 0);
        }
        seen.push(queue.size);
        wanted.push(round.reduce((sum, { calls }) => sum + calls.length, 0));
      }
      expect(seen).toEqual(wanted);
    }),
  );
});
