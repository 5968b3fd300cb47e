import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { ExpressionCompiler } from './compiler.ts';
import { ExpressionError, Frame } from './frame.ts';
import type { ReadPlace } from './place.ts';
import type { CelType, Value } from './value.ts';

export { ExpressionError, stepsTaken } from './frame.ts';

/** An expression that was read and checked. */
export interface Expression {
  /** The type of the result; `dyn` if it depends on the record. */
  readonly type: CelType;
  /** The places that it reads. */
  readonly readings: readonly ReadPlace[];
  /** The value for these values of the variables, in their order. Throws ExpressionError. */
  evaluate(...values: readonly Value[]): Value;
}

/** Nodes of an expression, at most: the work of one evaluation without loops. */
const maxNodes = 5000;

const environment = new Environment({ enableOptionalTypes: true, limits: { maxAstNodes: maxNodes } });

/**
 * Reads an expression on these variables. With `typed`, an expression that cannot have a value because of its types, such
 * as `"a" + 1`, is refused. Throws ExpressionError with the place of the mistake.
 */
export function compileExpression(source: string, variables: readonly string[], typed: boolean): Expression {
  const compiler = new ExpressionCompiler(source, variables, typed);
  const node = compiler.root(parse(source));
  const frame = new Frame(compiler.slots);
  return {
    type: node.type,
    readings: compiler.readings,
    evaluate(...values) {
      for (let slot = 0; slot < values.length; slot += 1) frame.slots[slot] = values[slot] ?? null;
      try {
        return node.run(frame);
      } finally {
        frame.reset();
      }
    },
  };
}

/** Line and column of an offset, both from 1. */
export function positionIn(source: string, offset: number): { readonly line: number; readonly column: number } {
  const before = source.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

function parse(source: string): ASTNode {
  try {
    return environment.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError) {
      const words = error.code === 'invalid_macro_argument' ? 'the name of a variable is needed here' : error.summary;
      throw new ExpressionError(words, error.range?.start);
    }
    // The parser recurses for each `!` and each `(`.
    if (error instanceof RangeError) throw new ExpressionError('the expression is nested too deeply', 0);
    throw error;
  }
}
