import type { ASTNode } from '@marcbachmann/cel-js';
import { ExpressionError, type Frame, located } from './frame.ts';
import type { CelType, Value } from './value.ts';

/** A part of an expression, ready to be evaluated. */
export interface Node {
  readonly type: CelType;
  readonly run: (frame: Frame) => Value;
  /** Offset into the expression. */
  readonly at: number;
  /** The value, if it is the same for every record. */
  readonly constant: Value | undefined;
}

/** The names that a part of an expression may use, each with the slot of the frame that has its value. */
export class Scope {
  readonly #slots: ReadonlyMap<string, number>;

  constructor(slots: ReadonlyMap<string, number>) {
    this.#slots = slots;
  }

  slot(name: string): number | undefined {
    return this.#slots.get(name);
  }

  names(): readonly string[] {
    return [...this.#slots.keys()];
  }

  with(name: string, slot: number): Scope {
    return new Scope(new Map([...this.#slots, [name, slot]]));
  }
}

/** The part of the compiler that macros use. */
export interface Compiler {
  readonly source: string;
  /** Whether types that are known before evaluation are checked. */
  readonly typed: boolean;
  compile(ast: ASTNode, scope: Scope): Node;
  /** `has(operand.name)`, where `ast` is `operand.name`. */
  has(operand: ASTNode, name: string, ast: ASTNode, scope: Scope): Node;
  /** A slot of the frame for one more variable. */
  newSlot(): number;
  /** The nodes compiled so far. */
  readonly nodes: number;
}

/** `receiver.name(args)` in an expression, before it is known which function or macro it is. */
export interface MethodCall {
  readonly name: string;
  readonly receiver: ASTNode;
  readonly args: readonly ASTNode[];
  /** Offset of the name. */
  readonly at: number;
  readonly scope: Scope;
  readonly compiler: Compiler;
}

export function constant(value: Value, type: CelType, at: number): Node {
  return { type, run: () => value, at, constant: value };
}

/** Throws ExpressionError if a value of this type is never true or false. */
export function requireBool(node: Node, title: string, { typed }: Pick<Compiler, 'typed'>): void {
  if (!typed || node.type === 'bool' || node.type === 'dyn') return;
  throw new ExpressionError(`${title} is ${node.type}, and true or false is needed`, node.at);
}

/** Adds the offset to errors that have none. */
export function placed(at: number, run: Node['run']): Node['run'] {
  return (frame) => {
    try {
      return run(frame);
    } catch (error) {
      throw located(error, at);
    }
  };
}
