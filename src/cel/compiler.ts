import type { ASTNode, BinaryOperator } from '@marcbachmann/cel-js';
import { element, hasMember, member, optionalElement, variable } from './operators/access.ts';
import { call, methodCall } from './calls.ts';
import { nearest } from '../core/nearest.ts';
import { ExpressionError } from './frame.ts';
import { listLiteral, literal, mapLiteral } from './literals.ts';
import { type Compiler, constant, type Node, Scope } from './node.ts';
import {
  arithmetic,
  conditional,
  equality,
  logical,
  membership,
  negative,
  not,
  ordering,
} from './operators/operators.ts';
import { isPlace, type ReadPlace, tokenOf, wordsOf } from './place.ts';
import { maxInt, typeNames } from './value.ts';

type BinaryNode = Extract<ASTNode, { op: BinaryOperator | '&&' | '||' }>;

/** Evaluation makes one or two calls for each level, so that the stack is never the limit. */
const maxDepth = 1000;

/** Compiles the nodes of one expression to functions. */
export class ExpressionCompiler implements Compiler {
  readonly source: string;
  readonly typed: boolean;
  /** The places that are read, in the order of the expression; of `record.a.b` only the complete one. */
  readonly readings: ReadPlace[] = [];
  readonly #variables: readonly string[];
  #slots: number;
  #nodes = 0;
  #depth = 0;

  constructor(source: string, variables: readonly string[], typed: boolean) {
    this.source = source;
    this.typed = typed;
    this.#variables = variables;
    this.#slots = variables.length;
  }

  get nodes(): number {
    return this.#nodes;
  }

  get slots(): number {
    return this.#slots;
  }

  newSlot(): number {
    this.#slots += 1;
    return this.#slots - 1;
  }

  root(ast: ASTNode): Node {
    return this.compile(ast, new Scope(new Map(this.#variables.map((name, slot) => [name, slot]))));
  }

  compile(ast: ASTNode, scope: Scope): Node {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new ExpressionError(`more than ${maxDepth} operators are nested`, ast.start);
    const node = this.#compile(ast, scope);
    this.#depth -= 1;
    return node;
  }

  #compile(ast: ASTNode, scope: Scope): Node {
    this.#nodes += 1;
    switch (ast.op) {
      case 'value':
        return literal(ast.args, ast.start);
      case 'id':
        return this.#identifier(ast.args, ast.start, scope);
      case '.':
        return this.#member(ast, ast.args[0], ast.args[1], scope);
      case '[]':
        return this.#element(ast.args[0], ast.args[1], scope, element);
      case '.?':
        return this.#select(ast.args[0], ast.args[1], scope, (operand) =>
          optionalElement(operand, literal(ast.args[1], ast.pos), ast.pos),
        );
      case '[?]':
        return this.#element(ast.args[0], ast.args[1], scope, optionalElement);
      case 'call':
        return call(ast.args[0], ast.args[1], ast.start, scope, this);
      case 'rcall':
        return methodCall({
          name: ast.args[0],
          receiver: ast.args[1],
          args: ast.args[2],
          at: this.#after(ast.args[1], ast.args[0]),
          scope,
          compiler: this,
        });
      case 'list':
        return listLiteral(
          ast.args.map((item) => this.compile(item, scope)),
          ast.start,
        );
      case 'map': {
        const entries = ast.args.map(([key, value]) => [this.compile(key, scope), this.compile(value, scope)] as const);
        return mapLiteral(entries, ast.start, this);
      }
      case '?:': {
        const [condition, then, otherwise] = ast.args;
        const parts = [
          this.compile(condition, scope),
          this.compile(then, scope),
          this.compile(otherwise, scope),
        ] as const;
        return conditional(...parts, ast.start, this);
      }
      case '!_':
        return not(this.compile(ast.args, scope), ast.start, this);
      case '&&':
      case '||':
      case '==':
      case '!=':
      case 'in':
      case '<':
      case '<=':
      case '>':
      case '>=':
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return this.#binary(ast, scope);
      case '-_':
        break;
    }
    return this.#negative(ast.args, ast.start, scope);
  }

  #binary(ast: BinaryNode, scope: Scope): Node {
    const left = this.compile(ast.args[0], scope);
    const right = this.compile(ast.args[1], scope);
    const at = this.#after(ast.args[0], ast.op);
    switch (ast.op) {
      case '&&':
        return logical(false, left, right, at, this);
      case '||':
        return logical(true, left, right, at, this);
      case '==':
        return equality(false, left, right, at, this);
      case '!=':
        return equality(true, left, right, at, this);
      case 'in':
        return membership(left, right, at, this);
      case '<':
      case '<=':
      case '>':
      case '>=':
        return ordering(ast.op, left, right, at, this);
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        break;
    }
    return arithmetic(ast.op, left, right, at, this);
  }

  /** The offset of the operator or name that follows a node. */
  #after(ast: ASTNode, word: string): number {
    const at = this.source.indexOf(word, ast.end);
    return at < 0 ? ast.end : at;
  }

  #identifier(name: string, at: number, scope: Scope): Node {
    const slot = scope.slot(name);
    if (slot !== undefined) {
      if (slot < this.#variables.length) this.readings.push({ variable: name, tokens: [] });
      return variable(slot, at);
    }
    const type = typeNames.get(name);
    if (type !== undefined) return constant(type, 'type', at);
    const meant = nearest(name, scope.names());
    const guess = meant === undefined ? `there are ${scope.names().join(', ')}` : `did you mean ${meant}?`;
    throw new ExpressionError(`unknown variable ${name}; ${guess}`, at);
  }

  /** A member, or a name with dots: of a type, or of a variable. */
  #member(ast: ASTNode, operand: ASTNode, name: string, scope: Scope): Node {
    const words = wordsOf(ast);
    if (words !== undefined && (typeNames.has(words) || scope.slot(words) !== undefined)) {
      return this.#identifier(words, ast.start, scope);
    }
    return this.#select(operand, name, scope, (node) => member(node, name, ast.pos, this.#text(operand), this));
  }

  has(operand: ASTNode, name: string, ast: ASTNode, scope: Scope): Node {
    return this.#select(operand, name, scope, (node) => hasMember(node, name, ast.pos, this.#text(operand), this));
  }

  #select(operand: ASTNode, name: string, scope: Scope, made: (operand: Node) => Node): Node {
    return made(this.#extended(operand, scope, name));
  }

  #element(
    operand: ASTNode,
    index: ASTNode,
    scope: Scope,
    made: (operand: Node, index: Node, at: number, compiler: Compiler) => Node,
  ): Node {
    const node = this.#extended(operand, scope, tokenOf(index));
    return made(node, this.compile(index, scope), index.start, this);
  }

  /** Compiles an operand. If the whole operand is a place, the place is extended by `token`. */
  #extended(operand: ASTNode, scope: Scope, token: string | undefined): Node {
    const before = this.readings.length;
    const node = this.compile(operand, scope);
    const last = this.readings.at(-1);
    if (token !== undefined && last !== undefined && this.readings.length === before + 1 && isPlace(operand)) {
      this.readings[before] = { variable: last.variable, tokens: [...last.tokens, token] };
    }
    return node;
  }

  #negative(operand: ASTNode, at: number, scope: Scope): Node {
    // The smallest int is written as the negative of a number that is too large for an int.
    if (operand.op === 'value' && operand.args === maxInt + 1n) {
      this.#nodes += 1;
      return constant(-(maxInt + 1n), 'int', at);
    }
    return negative(this.compile(operand, scope), at, this);
  }

  #text(ast: ASTNode): string {
    const text = this.source.slice(ast.start, ast.end);
    return text.length > 60 ? `${text.slice(0, 57)}...` : text;
  }
}
