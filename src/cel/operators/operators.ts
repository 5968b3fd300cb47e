import { type ArithmeticOperator, calculate, negate, typeOfResult, undefinedFor } from './arithmetic.ts';
import { compare, contains, equal } from './compare.ts';
import { ExpressionError, Frame, ignorable } from '../frame.ts';
import { type Compiler, constant, type Node, placed, requireBool } from '../node.ts';
import { type CelType, typeOf, type Value } from '../value.ts';

type Run = (frame: Frame) => Value;

/** Steps to make and catch an error. */
export const stepsForError = 120;

const numeric = new Set<CelType>(['int', 'uint', 'double']);
const withoutOrder = new Set<CelType>(['null_type', 'list', 'map', 'type', 'optional_type']);

export function arithmetic(
  operator: ArithmeticOperator,
  left: Node,
  right: Node,
  at: number,
  compiler: Compiler,
): Node {
  const type = typeOfResult(operator, left.type, right.type);
  if (type === undefined && compiler.typed)
    throw new ExpressionError(undefinedFor(operator, left.type, right.type), at);
  const run = placed(at, (frame) => calculate(operator, left.run(frame), right.run(frame), frame));
  return { type: type ?? 'dyn', at, constant: undefined, run };
}

export function negative(operand: Node, at: number, { typed }: Compiler): Node {
  if (typed && operand.type !== 'dyn' && operand.type !== 'int' && operand.type !== 'double') {
    throw new ExpressionError(`-${operand.type} is not defined`, at);
  }
  const { constant: value, type } = operand;
  const run = placed(at, (frame) => negate(operand.run(frame)));
  return value === undefined ? { type, at, constant: undefined, run } : constant(run(new Frame(0)), type, at);
}

export function equality(negated: boolean, left: Node, right: Node, at: number, { typed }: Compiler): Node {
  if (typed && !comparable(left.type, right.type)) {
    throw new ExpressionError(`${left.type} is never equal to ${right.type}`, at);
  }
  return {
    type: 'bool',
    at,
    constant: undefined,
    run: equalTo(left, right, negated) ?? unequalTo(left, right, negated, at),
  };
}

/** One side is a constant that is equal only to the same value. */
function equalTo(left: Node, right: Node, negated: boolean): Run | undefined {
  const [side, other] = right.constant === undefined ? [right, left] : [left, right];
  const { constant: value } = other;
  if (typeof value !== 'string' && typeof value !== 'boolean' && value !== null) return undefined;
  return (frame) => (side.run(frame) === value) !== negated;
}

function unequalTo(left: Node, right: Node, negated: boolean, at: number): Run {
  return placed(at, (frame) => equal(left.run(frame), right.run(frame), frame) !== negated);
}

function comparable(left: CelType, right: CelType): boolean {
  if (left === 'dyn' || right === 'dyn' || left === right) return true;
  return left === 'null_type' || right === 'null_type' || (numeric.has(left) && numeric.has(right));
}

const holds: Readonly<Record<'<' | '<=' | '>' | '>=', (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

export function ordering(operator: keyof typeof holds, left: Node, right: Node, at: number, { typed }: Compiler): Node {
  const known = left.type !== 'dyn' && right.type !== 'dyn';
  const mixed = known && left.type !== right.type && !(numeric.has(left.type) && numeric.has(right.type));
  if (typed && (mixed || withoutOrder.has(left.type) || withoutOrder.has(right.type))) {
    throw new ExpressionError(`${left.type} and ${right.type} have no order`, at);
  }
  const test = holds[operator];
  const run = placed(at, (frame) => test(compare(left.run(frame), right.run(frame), frame)));
  return { type: 'bool', at, constant: undefined, run };
}

export function membership(item: Node, collection: Node, at: number, { typed }: Compiler): Node {
  const { type } = collection;
  if (typed && type !== 'dyn' && type !== 'list' && type !== 'map') {
    throw new ExpressionError(`in needs a list or a map on its right side, not ${type}`, at);
  }
  const run = placed(at, (frame) => {
    const value = item.run(frame);
    return contains(collection.run(frame), value, frame);
  });
  return { type: 'bool', at, constant: undefined, run };
}

export function not(operand: Node, at: number, compiler: Compiler): Node {
  requireBool(operand, 'the operand of !', compiler);
  return { type: 'bool', at, constant: undefined, run: (frame) => !truth(operand.run(frame), operand.at) };
}

/** `&&` and `||`: one side that decides is enough, even if the other side has an error. */
export function logical(decides: boolean, left: Node, right: Node, at: number, compiler: Compiler): Node {
  requireBool(left, 'the left side', compiler);
  requireBool(right, 'the right side', compiler);
  const run = (frame: Frame): Value => {
    let failure: ExpressionError;
    try {
      const value = left.run(frame);
      if (value === decides) return decides;
      if (value === !decides) return truth(right.run(frame), right.at);
      failure = notTruth(value, left.at);
    } catch (error) {
      failure = ignorable(error);
      frame.spend(stepsForError);
    }
    if (right.run(frame) === decides) return decides;
    throw failure;
  };
  return { type: 'bool', at, constant: undefined, run };
}

export function conditional(condition: Node, then: Node, otherwise: Node, at: number, compiler: Compiler): Node {
  requireBool(condition, 'the condition', compiler);
  const type = then.type === otherwise.type ? then.type : 'dyn';
  if (compiler.typed && type === 'dyn' && !comparable(then.type, otherwise.type)) {
    throw new ExpressionError(`one side of ?: is ${then.type}, the other ${otherwise.type}`, at);
  }
  const run = (frame: Frame): Value =>
    truth(condition.run(frame), condition.at) ? then.run(frame) : otherwise.run(frame);
  return { type, at, constant: undefined, run };
}

/** Throws ExpressionError if the value is neither true nor false. */
export function truth(value: Value, at: number): boolean {
  if (typeof value === 'boolean') return value;
  throw notTruth(value, at);
}

export function notTruth(value: Value, at: number): ExpressionError {
  return new ExpressionError(`this is ${typeOf(value)}, and true or false is needed`, at);
}
