import type { ASTNode } from '@marcbachmann/cel-js';
import { entriesOf, isMap, keysOf } from './operators/compare.ts';
import { ExpressionError, type Frame, ignorable, located } from './frame.ts';
import { addEntry } from './literals.ts';
import { type MethodCall, type Node, requireBool } from './node.ts';
import { notTruth, stepsForError, truth } from './operators/operators.ts';
import { CelMap, type CelType, isList, typeOf, type Value } from './value.ts';

/** The loop of a comprehension over the elements of a list or the keys of a map. */
interface Loop {
  readonly frame: Frame;
  readonly length: number;
  /** Sets the variables to an element, and spends the steps of one round of the body. */
  enter(index: number): void;
  /** The element, or its key if the loop has two variables. */
  first(index: number): Value;
}

type Body = (loop: Loop, parts: readonly Node[]) => Value;

interface Comprehension {
  readonly result: CelType;
  /** The number of parts after the variables that must be true or false. */
  readonly conditions: number;
  readonly body: Body;
}

/** Steps to set up a loop of any length. */
const stepsPerLoop = 10;

const filtered = (test: Node, loop: Loop): boolean => truth(test.run(loop.frame), test.at);

const all: Body = (loop, parts) => quantify(false, loop, parts);
const exists: Body = (loop, parts) => quantify(true, loop, parts);

/** One element that decides is enough, even if other elements have errors. */
function quantify(decides: boolean, loop: Loop, [test]: readonly Node[]): Value {
  let failure: ExpressionError | undefined;
  for (let index = 0; index < loop.length; index += 1) {
    loop.enter(index);
    try {
      const value = test?.run(loop.frame) ?? null;
      if (value === decides) return decides;
      if (value !== !decides) failure ??= notTruth(value, test?.at ?? 0);
    } catch (error) {
      loop.frame.spend(stepsForError);
      failure ??= ignorable(error);
    }
  }
  if (failure !== undefined) throw failure;
  return !decides;
}

const existsOne: Body = (loop, [test]) => {
  let count = 0;
  for (let index = 0; index < loop.length; index += 1) {
    loop.enter(index);
    if (test !== undefined && filtered(test, loop)) count += 1;
  }
  return count === 1;
};

const filter: Body = (loop, [test]) => {
  const kept: Value[] = [];
  for (let index = 0; index < loop.length; index += 1) {
    loop.enter(index);
    if (test !== undefined && filtered(test, loop)) kept.push(loop.first(index));
  }
  return kept;
};

const transform: Body = (loop, parts) => {
  const made: Value[] = [];
  collect(loop, parts, (value) => made.push(value));
  return made;
};

const transformMap: Body = (loop, parts) => {
  const made = new CelMap();
  const at = parts.at(-1)?.at ?? 0;
  collect(loop, parts, (value, index) => addEntry(made, loop.first(index), value, at, loop.frame));
  return made;
};

const transformMapEntry: Body = (loop, parts) => {
  const made = new CelMap();
  const at = parts.at(-1)?.at ?? 0;
  collect(loop, parts, (value) => {
    if (!isMap(value))
      throw new ExpressionError(`transformMapEntry needs a map with one entry, not ${typeOf(value)}`, at);
    for (const [key, item] of entriesOf(value, loop.frame)) addEntry(made, key, item, at, loop.frame);
  });
  return made;
};

/** Adds the results of the last part for each element; if there is a condition before it, for each element that meets it. */
function collect(loop: Loop, parts: readonly Node[], add: (value: Value, index: number) => void): void {
  const step = parts.at(-1);
  const test = parts.length > 1 ? parts[0] : undefined;
  for (let index = 0; index < loop.length; index += 1) {
    loop.enter(index);
    if (test !== undefined && !filtered(test, loop)) continue;
    add(step?.run(loop.frame) ?? null, index);
  }
}

/** By name, number of variables and number of parts after them. */
const comprehensions: ReadonlyMap<string, Comprehension> = new Map<string, Comprehension>([
  ['all/1/1', { result: 'bool', conditions: 1, body: all }],
  ['exists/1/1', { result: 'bool', conditions: 1, body: exists }],
  ['exists_one/1/1', { result: 'bool', conditions: 1, body: existsOne }],
  ['existsOne/1/1', { result: 'bool', conditions: 1, body: existsOne }],
  ['filter/1/1', { result: 'list', conditions: 1, body: filter }],
  ['map/1/1', { result: 'list', conditions: 0, body: transform }],
  ['map/1/2', { result: 'list', conditions: 1, body: transform }],
  ['all/2/1', { result: 'bool', conditions: 1, body: all }],
  ['exists/2/1', { result: 'bool', conditions: 1, body: exists }],
  ['existsOne/2/1', { result: 'bool', conditions: 1, body: existsOne }],
  ['exists_one/2/1', { result: 'bool', conditions: 1, body: existsOne }],
  ['transformList/2/1', { result: 'list', conditions: 0, body: transform }],
  ['transformList/2/2', { result: 'list', conditions: 1, body: transform }],
  ['transformMap/2/1', { result: 'map', conditions: 0, body: transformMap }],
  ['transformMap/2/2', { result: 'map', conditions: 1, body: transformMap }],
  ['transformMapEntry/2/1', { result: 'map', conditions: 0, body: transformMapEntry }],
  ['transformMapEntry/2/2', { result: 'map', conditions: 1, body: transformMapEntry }],
]);

/** A call such as `record.items.all(item, item.price > 0.0)`; undefined if it is not a comprehension. */
export function comprehension({ name, receiver, args, at, scope, compiler }: MethodCall): Node | undefined {
  const one = comprehensions.get(`${name}/1/${args.length - 1}`);
  const chosen = one ?? comprehensions.get(`${name}/2/${args.length - 2}`);
  if (chosen === undefined) return undefined;
  const names = args.slice(0, one === undefined ? 2 : 1).map((argument) => variableName(argument));
  if (names.length > 1 && names[0] === names[1]) {
    throw new ExpressionError(`both variables of ${name} have the name ${names[0]}`, at);
  }
  const range = compiler.compile(receiver, scope);
  if (compiler.typed && range.type !== 'dyn' && range.type !== 'list' && range.type !== 'map') {
    throw new ExpressionError(`${name} needs a list or a map, not ${range.type}`, range.at);
  }

  const slots = names.map(() => compiler.newSlot());
  const before = compiler.nodes;
  const inner = names.reduce((inside, variable, index) => inside.with(variable, slots[index] ?? 0), scope);
  const parts = args.slice(names.length).map((argument) => compiler.compile(argument, inner));
  const stepsPerRound = 1 + compiler.nodes - before;
  for (const test of parts.slice(0, chosen.conditions)) requireBool(test, `the condition of ${name}`, compiler);

  const [slot = 0, second] = slots;
  const run = (frame: Frame): Value => {
    const collection = range.run(frame);
    try {
      frame.spend(stepsPerLoop);
      const loop =
        second === undefined
          ? overElements(collection, slot, stepsPerRound, frame)
          : overEntries(collection, slot, second, stepsPerRound, frame);
      return chosen.body(loop, parts);
    } catch (error) {
      throw located(error, at);
    }
  };
  return { type: chosen.result, at, constant: undefined, run };
}

/** Throws ExpressionError if the argument is not a name. */
export function variableName(argument: ASTNode): string {
  if (argument.op === 'id') return argument.args;
  throw new ExpressionError('the name of a variable is needed here', argument.start);
}

function overElements(collection: Value, slot: number, stepsPerRound: number, frame: Frame): Loop {
  const items = isList(collection) ? collection : keysOf(mapOf(collection), frame);
  return {
    frame,
    length: items.length,
    enter(index) {
      frame.spend(stepsPerRound);
      frame.slots[slot] = items[index] ?? null;
    },
    first: (index) => items[index] ?? null,
  };
}

function overEntries(collection: Value, slot: number, second: number, stepsPerRound: number, frame: Frame): Loop {
  const items = isList(collection) ? undefined : entriesOf(mapOf(collection), frame);
  const first = (index: number): Value => (items === undefined ? BigInt(index) : (items[index]?.[0] ?? null));
  const list = isList(collection) ? collection : [];
  return {
    frame,
    length: items?.length ?? list.length,
    enter(index) {
      frame.spend(stepsPerRound);
      frame.slots[slot] = first(index);
      frame.slots[second] = (items === undefined ? list[index] : items[index]?.[1]) ?? null;
    },
    first,
  };
}

function mapOf(collection: Value): Value {
  if (isMap(collection)) return collection;
  throw new ExpressionError(`${typeOf(collection)} has no elements: a list or a map is needed`);
}
