import { type CallContext, InnerContext } from '../../core/call/call-context.ts';
import { cancelledError } from '../../core/call/cancelled.ts';
import { RecordError } from '../../core/errors.ts';
import { parseJson } from '../../core/json/json.ts';
import { Answer } from '../../lookup/lookup.ts';
import { RecordText } from '../record/record-text.ts';
import { argumentsOf, type Repeat, type Step } from './step.ts';
import { withAttempts } from './step-call.ts';
import { workTurn } from '../stream/turn-gate.ts';

/** The context of a record for one of the calls of a step that repeats. */
export class SuperstepContext extends InnerContext {
  readonly #number: number;

  constructor(record: CallContext, superstep: number) {
    super(record);
    this.#number = superstep;
  }

  override get superstep(): number {
    return this.#number;
  }
}

/**
 * Calls a step's lookup until `until` holds: each answer is put into the record, and the next arguments are read from
 * there (Flink: iterations, supersteps).
 *
 *     record ── arguments ── lookup ── answer ── until? ── the answer of the step
 *       ▲                                │no
 *       └──── the answer at `into` ◀─────┘
 *
 * A miss of the lookup ends the repetition with a miss, and so does a missing argument with `onMissingArgument: miss`.
 * Rejects with `invalid_result` after `max` calls, and with the failure of the lookup or of the expression.
 */
export async function repeatLookup(
  step: Step,
  repeat: Repeat,
  start: RecordText,
  context: CallContext,
): Promise<Answer> {
  let record = start;
  let attempts = 0;
  for (let superstep = 1; superstep <= repeat.max; superstep++) {
    // Between two answers of a table there is no turn of the event loop.
    const next = workTurn();
    if (next !== undefined) await next;
    // After the record's timeout no more calls are made, also if answers are immediate.
    if (context.cancelled) throw cancelledError(undefined);
    let answer: Answer;
    try {
      const args = argumentsOf(step, record);
      if (args === undefined) return new Answer(undefined, attempts);
      // The layers of a lookup report its calls; an immediate one has none.
      if (step.lookup.immediate) context.callBegins();
      // Each call needs the answer of the call before.
      // oxlint-disable-next-line no-await-in-loop
      answer = await step.lookup.call(args, new SuperstepContext(context, superstep));
    } catch (error) {
      throw withAttempts(RecordError.from(error), attempts);
    }
    attempts += answer.attempts;
    const { json, source } = answer;
    if (json === undefined) return new Answer(undefined, attempts, source);
    record = new RecordText(step.place.splice(start.line, false, json));
    if (holds(repeat.until, record, json, attempts)) return new Answer(json, attempts, source);
  }
  throw new RecordError('invalid_result', `until did not hold after ${repeat.max} lookups (repeat.max)`, { attempts });
}

/** Evaluates `until`. An error of the expression carries the number of calls that were made before it. */
function holds(until: Repeat['until'], record: RecordText, json: string, attempts: number): boolean {
  try {
    return until(record.value, parseJson(json));
  } catch (error) {
    throw error instanceof RecordError ? error.with({ attempts }) : error;
  }
}
