import { cancelledError } from '../../core/call/cancelled.ts';
import { RecordError } from '../../core/errors.ts';
import { parseJson } from '../../core/json/json.ts';
import type { CallContext } from '../../core/call/call-context.ts';
import { Answer } from '../../lookup/lookup.ts';
import { RecordText } from './record-text.ts';
import { argumentsOf, type Repeat, type Step } from './step.ts';
import { Superstep } from './superstep.ts';
import { turn } from '../stream/turn-share.ts';

/**
 * Asks a step's lookup until its answer is the one that is wanted: each answer is put into the record, and the next
 * arguments are taken from there (Flink: iterations, supersteps).
 *
 *     record ── arguments ── lookup ── answer ── until? ── the answer of the step
 *       ▲                                │no
 *       └──── the answer at `into` ◀─────┘
 *
 * A lookup that has no answer ends it: the step has none. So does a missing argument of a step that has a miss then.
 * Rejects `invalid_result` after `max` calls, and with
 * whatever the lookup or the expression fails with.
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
    // Answers of a table come without a turn of the event loop between them.
    const next = turn();
    if (next !== undefined) await next;
    // A record whose time is up is not asked for again, also where answers come at once.
    if (context.cancelled) throw cancelledError(undefined);
    const args = argumentsOf(step, record);
    if (args === undefined) return new Answer(undefined, attempts);
    // Each call needs what the one before it gave.
    // oxlint-disable-next-line no-await-in-loop
    const answer = await step.lookup.call(args, new Superstep(context, superstep));
    attempts += answer.attempts;
    const { json, source } = answer;
    if (json === undefined) return new Answer(undefined, attempts, source);
    record = new RecordText(step.place.splice(start.line, false, json));
    if (holds(repeat.until, record, json, attempts)) return new Answer(json, attempts, source);
  }
  throw new RecordError('invalid_result', `until did not hold after ${repeat.max} lookups (repeat.max)`, { attempts });
}

/** An error of the expression comes after calls. */
function holds(until: Repeat['until'], record: RecordText, json: string, attempts: number): boolean {
  try {
    return until(record.value, parseJson(json));
  } catch (error) {
    throw error instanceof RecordError ? error.with({ attempts }) : error;
  }
}
