import { Environment } from '@marcbachmann/cel-js';
import { RecordError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';

const environment = new Environment({ enableOptionalTypes: true }).registerVariable('record', 'dyn');

/** True where the step is to be taken. Throws RecordError where the record does not hold what the expression reads. */
export type Condition = (record: JsonObject) => boolean;

/**
 * Compiles a CEL expression on `record`. Numbers of a record are CEL doubles.
 * Throws Error with the parser's message where it is no expression or can not give a boolean.
 */
export function compileCondition(expression: string): Condition {
  const verdict = environment.check(expression);
  if (!verdict.valid) throw new Error(firstLine(verdict.error));
  if (verdict.type !== 'bool' && verdict.type !== 'dyn') {
    throw new Error(`gives ${String(verdict.type)}, where true or false is needed`);
  }
  const evaluate = environment.parse(expression);
  return (record) => {
    let result: unknown;
    try {
      result = evaluate({ record });
    } catch (cause) {
      throw new RecordError('missing_argument', `when \`${expression}\`: ${firstLine(cause)}`, { cause });
    }
    if (typeof result === 'boolean') return result;
    throw new RecordError('missing_argument', `when \`${expression}\` gave ${typeof result}, not true or false`);
  };
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
