import { Environment } from '@marcbachmann/cel-js';
import { RecordError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';

const ofRecord = new Environment({ enableOptionalTypes: true }).registerVariable('record', 'dyn');
const ofAnswer = ofRecord.clone().registerVariable('answer', 'dyn');

/** True where the step is to be taken. Throws RecordError where the record does not hold what the expression reads. */
export type Condition = (record: JsonObject) => boolean;

/** True where no further lookup is needed. Throws RecordError like a condition. */
export type Until = (record: JsonObject, answer: JsonValue) => boolean;

/**
 * Compiles a CEL expression on `record`. Numbers of a record are CEL doubles.
 * Throws Error with the parser's message where it is no expression or can not give a boolean.
 */
export function compileCondition(expression: string): Condition {
  const evaluate = compile(ofRecord, 'when', expression);
  return (record) => evaluate({ record });
}

/** Compiles a CEL expression on `record`, with the answer in it, and `answer`. Throws like `compileCondition`. */
export function compileUntil(expression: string): Until {
  const evaluate = compile(ofAnswer, 'until', expression);
  return (record, answer) => evaluate({ record, answer });
}

type Variables = Readonly<Record<string, JsonValue>>;

function compile(environment: Environment, key: string, expression: string): (variables: Variables) => boolean {
  const verdict = environment.check(expression);
  if (!verdict.valid) throw new Error(firstLine(verdict.error));
  if (verdict.type !== 'bool' && verdict.type !== 'dyn') {
    throw new Error(`gives ${String(verdict.type)}, where true or false is needed`);
  }
  const evaluate = environment.parse(expression);
  return (variables) => {
    let result: unknown;
    try {
      result = evaluate(variables);
    } catch (cause) {
      throw new RecordError('missing_argument', `${key} \`${expression}\`: ${firstLine(cause)}`, { cause });
    }
    if (typeof result === 'boolean') return result;
    throw new RecordError('missing_argument', `${key} \`${expression}\` gave ${typeof result}, not true or false`);
  };
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
