import type { ASTNode } from '@marcbachmann/cel-js';

/** A place that an expression reads: a variable, and the members that lead from it to the value. */
export interface ReadPlace {
  readonly variable: string;
  readonly tokens: readonly string[];
}

/** Whether a node is a variable, or a member or element of one whose name is the same for every record. */
export function isPlace(ast: ASTNode): boolean {
  if (ast.op === '.' || ast.op === '.?') return isPlace(ast.args[0]);
  if (ast.op === '[]' || ast.op === '[?]') return isPlace(ast.args[0]) && tokenOf(ast.args[1]) !== undefined;
  return ast.op === 'id';
}

/** The token of a JSON Pointer that an index is; undefined if it differs from record to record. */
export function tokenOf(index: ASTNode): string | undefined {
  if (index.op !== 'value') return undefined;
  const { args } = index;
  if (typeof args === 'string' || typeof args === 'bigint') return String(args);
  return typeof args === 'number' && Number.isInteger(args) ? String(args) : undefined;
}

/** The name with dots that a node spells, such as `google.protobuf.Timestamp`; undefined for any other node. */
export function wordsOf(ast: ASTNode): string | undefined {
  if (ast.op === 'id') return ast.args;
  if (ast.op !== '.') return undefined;
  const words = wordsOf(ast.args[0]);
  return words === undefined ? undefined : `${words}.${ast.args[1]}`;
}
