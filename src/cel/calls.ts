import type { ASTNode } from '@marcbachmann/cel-js';
import { nearest } from '../core/nearest.ts';
import { collections } from './operators/collections.ts';
import { comprehension, variableName } from './comprehensions.ts';
import { conversions } from './functions/conversions.ts';
import { ExpressionError, type Frame, located } from './frame.ts';
import { type Compiler, type MethodCall, type Node, placed, type Scope } from './node.ts';
import type { Overload } from './overload.ts';
import { compilePattern, prepareForPatternsOfRecords } from './functions/pattern.ts';
import { strings } from './functions/strings.ts';
import { times } from './functions/times.ts';
import { type CelType, Optional, typeOf, type Value } from './value.ts';

const functions = new Map<string, readonly Overload[]>();
for (const overload of [...conversions, ...strings, ...collections, ...times]) {
  const key = keyOf(overload.name, overload.method);
  functions.set(key, [...(functions.get(key) ?? []), overload]);
}

function keyOf(name: string, isMethod: boolean): string {
  return isMethod ? `.${name}` : name;
}

/** Namespaces of functions such as `optional.of`. */
const namespaces = new Set(['optional', 'cel']);

/** `name(args)` */
export function call(name: string, args: readonly ASTNode[], at: number, scope: Scope, compiler: Compiler): Node {
  if (name === 'has') return has(args, at, scope, compiler);
  return invoke(
    name,
    false,
    args.map((argument) => compiler.compile(argument, scope)),
    at,
    compiler,
  );
}

/** `receiver.name(args)` */
export function methodCall(called: MethodCall): Node {
  const { name, receiver, args, at, scope, compiler } = called;
  const space = receiver.op === 'id' && scope.slot(receiver.args) === undefined ? receiver.args : '';
  if (space === 'cel' && name === 'bind') return bind(args, at, scope, compiler);
  if (namespaces.has(space)) return call(`${space}.${name}`, args, at, scope, compiler);
  const macro = comprehension(called) ?? ofOptional(called);
  if (macro !== undefined) return macro;
  return invoke(
    name,
    true,
    [receiver, ...args].map((argument) => compiler.compile(argument, scope)),
    at,
    compiler,
  );
}

function invoke(name: string, isMethod: boolean, args: readonly Node[], at: number, { typed }: Compiler): Node {
  const named = functions.get(keyOf(name, isMethod));
  if (named === undefined) throw unknownFunction(name, isMethod, at);
  const types = args.map((argument) => argument.type);
  const fitting = named.filter(({ parameters }) => parameters.length === types.length && fit(parameters, types, typed));
  const [only] = fitting;
  if (only === undefined) throw new ExpressionError(noOverload(name, isMethod, types), at);

  const matched = name === 'matches' ? matches(args, at) : undefined;
  const result = fitting.every((overload) => overload.result === only.result) ? only.result : 'dyn';
  return { type: result, at, constant: undefined, run: matched ?? dispatch(name, isMethod, fitting, args, at) };
}

function fit(parameters: readonly CelType[], types: readonly CelType[], typed: boolean): boolean {
  return parameters.every((parameter, index) => {
    const type = types[index];
    return parameter === 'dyn' || type === 'dyn' || type === parameter || !typed;
  });
}

/** Steps of one call. Passes over text and lists are added by the function itself. */
const stepsPerCall = 15;

function dispatch(
  name: string,
  isMethod: boolean,
  overloads: readonly Overload[],
  args: readonly Node[],
  at: number,
): Node['run'] {
  return (frame) => {
    const values: Value[] = [];
    for (const argument of args) values.push(argument.run(frame));
    const chosen = choose(overloads, values);
    if (chosen === undefined) throw new ExpressionError(noOverload(name, isMethod, values.map(typeOf)), at);
    try {
      frame.spend(stepsPerCall);
      return chosen.run(values, frame);
    } catch (error) {
      throw located(error, at);
    }
  };
}

function choose(overloads: readonly Overload[], values: readonly Value[]): Overload | undefined {
  for (const overload of overloads) if (accepts(overload, values)) return overload;
  return undefined;
}

function accepts({ parameters }: Overload, values: readonly Value[]): boolean {
  for (let index = 0; index < parameters.length; index += 1) {
    const parameter = parameters[index];
    if (parameter !== 'dyn' && parameter !== typeOf(values[index] ?? null)) return false;
  }
  return true;
}

/** A pattern that is the same for every record is compiled here, once: a mistake in it is a mistake of the configuration. */
function matches([text, pattern]: readonly Node[], at: number): Node['run'] | undefined {
  if (text === undefined || pattern === undefined) return undefined;
  if (typeof pattern.constant !== 'string') {
    prepareForPatternsOfRecords();
    return undefined;
  }
  try {
    const compiled = compilePattern(pattern.constant);
    return placed(at, (frame) => {
      const value = text.run(frame);
      if (typeof value === 'string') return compiled.test(value, frame);
      throw new ExpressionError(noOverload('matches', true, [typeOf(value), 'string']));
    });
  } catch (error) {
    throw located(error, pattern.at);
  }
}

function noOverload(name: string, isMethod: boolean, types: readonly CelType[]): string {
  const [receiver = '', ...parameters] = types;
  const shape = isMethod ? `${receiver}.${name}(${parameters.join(', ')})` : `${name}(${types.join(', ')})`;
  return `there is no ${shape}`;
}

function unknownFunction(name: string, isMethod: boolean, at: number): ExpressionError {
  const known = [...functions.keys()].flatMap((key) =>
    key.startsWith('.') === isMethod ? [isMethod ? key.slice(1) : key] : [],
  );
  const meant = nearest(name, known);
  const guess = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new ExpressionError(`there is no ${isMethod ? 'method' : 'function'} ${name}${guess}`, at);
}

function has(args: readonly ASTNode[], at: number, scope: Scope, compiler: Compiler): Node {
  const [argument] = args;
  if (args.length !== 1 || argument === undefined || (argument.op !== '.' && argument.op !== '.?')) {
    throw new ExpressionError('has needs one member, such as has(record.name)', at);
  }
  const [operand, name] = argument.args;
  return compiler.has(operand, name, argument, scope);
}

/** `cel.bind(name, value, expression)` */
function bind(args: readonly ASTNode[], at: number, scope: Scope, compiler: Compiler): Node {
  const [variable, value, result] = args;
  if (args.length !== 3 || variable === undefined || value === undefined || result === undefined) {
    throw new ExpressionError('cel.bind needs a name, a value and an expression', at);
  }
  const name = variableName(variable);
  const bound = compiler.compile(value, scope);
  const slot = compiler.newSlot();
  const inner = compiler.compile(result, scope.with(name, slot));
  const run = (frame: Frame): Value => {
    frame.slots[slot] = bound.run(frame);
    return inner.run(frame);
  };
  return { type: inner.type, at, constant: undefined, run };
}

/** Methods of optionals whose argument is evaluated only if it is needed; undefined for other names. */
function ofOptional({ name, receiver, args, at, scope, compiler }: MethodCall): Node | undefined {
  const [first, second] = args;
  if (first === undefined) return undefined;
  const optional = (): ((frame: Frame) => Optional) => {
    const node = compiler.compile(receiver, scope);
    return (frame) => optionalOf(node.run(frame), node.at);
  };
  if ((name === 'or' || name === 'orValue') && args.length === 1) {
    const left = optional();
    const right = compiler.compile(first, scope);
    const run = (frame: Frame): Value => {
      const held = left(frame);
      if (held.value !== undefined) return name === 'or' ? held : held.value;
      return name === 'or' ? optionalOf(right.run(frame), right.at) : right.run(frame);
    };
    return { type: name === 'or' ? 'optional_type' : 'dyn', at, constant: undefined, run };
  }
  if ((name !== 'optMap' && name !== 'optFlatMap') || second === undefined || args.length !== 2) return undefined;
  const variable = variableName(first);
  const held = optional();
  const slot = compiler.newSlot();
  const result = compiler.compile(second, scope.with(variable, slot));
  const run = (frame: Frame): Value => {
    const { value } = held(frame);
    if (value === undefined) return Optional.none;
    frame.slots[slot] = value;
    const mapped = result.run(frame);
    return name === 'optMap' ? new Optional(mapped) : optionalOf(mapped, result.at);
  };
  return { type: 'optional_type', at, constant: undefined, run };
}

function optionalOf(value: Value, at: number): Optional {
  if (value instanceof Optional) return value;
  throw new ExpressionError(`this is ${typeOf(value)}, and an optional is needed`, at);
}
