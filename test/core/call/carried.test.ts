import { expect, test } from 'vitest';
import { type CallContext, InnerContext, InputEnd } from '../../../src/core/call/call-context.ts';
import { Cancellation } from '../../../src/core/call/cancellation.ts';
import { SharedCall } from '../../../src/core/call/shared-call.ts';
import { CallTrace } from '../../../src/core/observer/tracing.ts';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { Answer, type Arguments, type Layer } from '../../../src/lookup/lookup.ts';
import { MissedCall } from '../../../src/lookup/cache/missed-call.ts';
import { plainRules, retry } from '../../../src/lookup/retry/retry.ts';
import { timeout } from '../../../src/lookup/timeout.ts';
import { traced } from '../../../src/lookup/traced.ts';
import { SuperstepContext } from '../../../src/pipeline/steps/repeat.ts';
import { ignoring } from './sharing.ts';

type Member = keyof CallContext;

/** Every member, so that a new one does not compile until it stands here. Methods with the argument of a call. */
const members: Readonly<Record<Member, 'value' | readonly unknown[]>> = {
  attempt: 'value',
  superstep: 'value',
  deadline: 'value',
  cancelled: 'value',
  inputEnd: 'value',
  mayWait: 'value',
  trace: 'value',
  known: 'value',
  signal: 'value',
  addCancelListener: [{ callCancelled() {} }],
  removeCancelListener: [{ callCancelled() {} }],
  onCancel: [() => {}],
  retryWaiting: [1],
  limitWaiting: [1],
  inBatch: [1],
  callBegins: [],
  callRefused: [],
  callShared: [],
};
const names = Object.keys(members) as Member[];

/** Every call has a span. */
class SampledTrace extends CallTrace {
  override begin() {
    const trace = new CallTrace('3'.repeat(32), '4'.repeat(16), 1, undefined);
    return { trace, answered() {}, failed() {} };
  }
}

/** A caller whose members are all recognisable, and that keeps what is reported to it. */
class Caller implements CallContext {
  readonly reported: string[] = [];
  readonly attempt = 7;
  readonly superstep = 8;
  readonly deadline = 9;
  cancelled = false;
  readonly inputEnd = new InputEnd();
  readonly mayWait = false;
  readonly trace = new SampledTrace('1'.repeat(32), '2'.repeat(16), 1, undefined);
  readonly known = { json: '1', validators: [], lifetime: {} };
  readonly signal = new AbortController().signal;

  addCancelListener(): void {
    this.reported.push('addCancelListener');
  }

  removeCancelListener(): void {
    this.reported.push('removeCancelListener');
  }

  onCancel(): () => void {
    this.reported.push('onCancel');
    return () => {};
  }

  retryWaiting(): void {
    this.reported.push('retryWaiting');
  }

  limitWaiting(): void {
    this.reported.push('limitWaiting');
  }

  inBatch(): void {
    this.reported.push('inBatch');
  }

  callShared(): void {
    this.reported.push('callShared');
  }

  callBegins(): void {
    this.reported.push('callBegins');
  }

  callRefused(): void {
    this.reported.push('callRefused');
  }
}

/** The context that a layer gives to its inner service. */
function within<Res>(layer: Layer<Arguments, Res>, answer: Res): (caller: CallContext) => CallContext {
  return (caller) => {
    let inner = caller;
    void layer((_, context) => {
      inner = context;
      return answer;
    })({}, caller);
    if (inner === caller) throw new Error('the layer gave its caller itself');
    return inner;
  };
}

async function laterAttempt(caller: CallContext): Promise<CallContext> {
  const contexts: CallContext[] = [];
  const rules = { ...plainRules, canRetry: () => true, onResult: () => false, onError: () => true, delayMs: () => 1 };
  const clock = virtualClock();
  const service = retry<object, null>(rules, { clock })((_, context) => {
    contexts.push(context);
    if (contexts.length === 1) throw new Error('the first call fails');
    return null;
  });
  const answer = service({}, caller);
  await clock.advance(1);
  await answer;
  const [, second] = contexts;
  if (second === undefined) throw new Error('there was no second call');
  return second;
}

const missed = { answered: () => null, failed: () => null, left() {}, late() {} };

function shared(caller: CallContext): CallContext {
  const call = new SharedCall();
  call.join(caller, ignoring);
  return call;
}

const cancellation: readonly Member[] = [
  'cancelled',
  'signal',
  'addCancelListener',
  'removeCancelListener',
  'onCancel',
];

/** Each kind of context that stands within another, and its own members: all others are those of its caller. */
const variants: readonly (readonly [
  name: string,
  own: readonly Member[],
  of: (caller: CallContext) => CallContext | Promise<CallContext>,
])[] = [
  ['an inner context', [], (caller) => new InnerContext(caller)],
  [
    'a call with a cancellation of its own',
    [...cancellation, 'attempt', 'deadline'],
    (caller) => new Cancellation(1, 1, caller),
  ],
  // Its attempt and deadline are taken from the caller when it is made.
  ['a timed attempt', cancellation, within(timeout({ timeoutMs: 20, clock: virtualClock() }), null)],
  ['a later attempt', ['attempt'], laterAttempt],
  [
    'a call with a span',
    ['trace'],
    within(
      traced<Arguments, Answer>({ name: 'GET /', attributes: {} }, () => false),
      new Answer(undefined),
    ),
  ],
  ['a superstep', ['superstep'], (caller) => new SuperstepContext(caller, 3)],
  [
    'a call that the cache makes',
    [...cancellation, 'known'],
    (caller) => new MissedCall(caller, {}, '', 0, true, undefined, missed, ignoring),
  ],
  // What it makes of several callers: shared-call.test.ts.
  ['a shared call', cancellation, shared],
];

test('the members that the tests know are those that every context takes from its caller', () => {
  const carried: object = Object.getPrototypeOf(InnerContext.prototype);
  expect(Object.getPrototypeOf(Cancellation.prototype)).toBe(carried);
  const forwarded = Object.getOwnPropertyNames(carried).filter((name) => name !== 'constructor');
  expect(forwarded.toSorted()).toEqual(names.toSorted());
});

/** Whether this member of the context is that of its caller. */
function isCarried(name: Member, inner: CallContext, caller: Caller): boolean {
  const kind = members[name];
  if (kind === 'value') return inner[name] === caller[name];
  caller.reported.length = 0;
  Reflect.apply(inner[name] as () => void, inner, kind);
  return caller.reported.includes(name);
}

test.each(variants)('%s carries every member of its caller but its own', async (_, own, of) => {
  const caller = new Caller();
  const inner = await of(caller);
  caller.cancelled = true;
  expect(names.filter((name) => !isCarried(name, inner, caller))).toEqual(names.filter((name) => own.includes(name)));
});
