import { compileExpression, ExpressionError, positionIn } from '../../cel/expression.ts';
import { RecordError } from '../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../core/json/json.ts';

/** Whether a step runs for a record. Throws RecordError `expression_error`. */
export type Condition = (record: JsonObject) => boolean;

/** Whether a repetition ends with this answer. Throws like a condition. */
export type Until = (record: JsonObject, answer: JsonValue) => boolean;

/** An expression that is ready to run. */
export interface Compiled<Test> {
  readonly test: Test;
  /** The places of the record that it reads, each as the tokens of a JSON Pointer; no tokens for the whole record. */
  readonly reads: readonly (readonly string[])[];
}

/**
 * Compiles the CEL expression of `when`, on `record`. `step` is the index of the step in its pipeline.
 * Throws ExpressionError if it does not compile, or if its type is neither bool nor unknown.
 */
export function compileCondition(source: string, step: number): Compiled<Condition> {
  return compile(source, ['record'], `enrich[${step}].when`);
}

/** Compiles the CEL expression of `until`, on `record`, with the answer in it, and `answer`. Throws like `compileCondition`. */
export function compileUntil(source: string, step: number): Compiled<Until> {
  return compile(source, ['record', 'answer'], `enrich[${step}].repeat.until`);
}

function compile(
  source: string,
  variables: readonly string[],
  place: string,
): Compiled<(...values: readonly JsonValue[]) => boolean> {
  const expression = compileExpression(source, variables, true);
  if (expression.type !== 'bool' && expression.type !== 'dyn') {
    throw new ExpressionError(`the expression gives ${expression.type}, and true or false is needed`, 0);
  }
  const reads = expression.readings.flatMap(({ variable, tokens }) => (variable === 'record' ? [tokens] : []));
  const test = (...values: readonly JsonValue[]): boolean => {
    let result: unknown;
    try {
      result = expression.evaluate(...values);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new RecordError('expression_error', `${place}, ${placeIn(source, error)}: ${error.message}`);
    }
    if (typeof result === 'boolean') return result;
    throw new RecordError('expression_error', `${place} gave a value that is neither true nor false`);
  };
  return { test, reads };
}

/** The place of an error in its expression: `line 1, column 8`. */
export function placeIn(source: string, { offset = 0 }: ExpressionError): string {
  const { line, column } = positionIn(source, offset);
  return `line ${line}, column ${column}`;
}
