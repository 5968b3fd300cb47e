import { RE2JS } from 're2js';
import { ExpressionError, type Frame } from '../frame.ts';

/** A regular expression of RE2: its time is linear in the text. */
export interface Pattern {
  /** Whether some part of the text matches. */
  test(text: string, frame: Frame): boolean;
}

/**
 * RE2 takes at most 25 ns, half a step, for one character of the text and one instruction of the pattern. Most patterns
 * take far less, because RE2 caches sets of instructions; but its cache is bounded.
 */
const stepsPerInstruction = 0.5;
/** Compiling takes up to 25 microseconds for each instruction. */
const stepsToCompileInstruction = 500;
/** RE2 refuses larger counts; the counts of nested repetitions are multiplied. */
const maxRepeat = 1000;
/** Patterns of records that are kept compiled. */
const maxKept = 32;
/** After a longer text a pattern that is kept frees its cache, which may have grown to 8 MiB. */
const maxRemembered = 256;

/** Compiles a pattern of the configuration. Throws ExpressionError if RE2 refuses it. */
export function compilePattern(source: string): Pattern {
  const compiled = compile(source);
  return { test: (text, frame) => test(compiled, text, frame) };
}

function test(compiled: RE2JS, text: string, frame: Frame): boolean {
  frame.spend(1 + text.length * compiled.programSize() * stepsPerInstruction);
  return compiled.test(text);
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    throw new ExpressionError(`RE2 refuses the pattern: ${reason}`);
  }
}

const kept = new Map<string, RE2JS>();

/** Tests with a pattern from a record. It takes the same steps whether or not the pattern was compiled before. */
export function testWith(source: string, text: string, frame: Frame): boolean {
  frame.spend(instructionsAtMost(source) * stepsToCompileInstruction);
  const compiled = kept.get(source) ?? compile(source);
  kept.delete(source);
  if (kept.size >= maxKept) kept.delete(kept.keys().next().value ?? '');
  kept.set(source, compiled);
  try {
    return test(compiled, text, frame);
  } finally {
    if (text.length > maxRemembered) compiled.reset();
  }
}

/** RE2 builds its tables of letter cases for the first pattern that needs them; that takes longer than one record may. */
export function prepareForPatternsOfRecords(): void {
  compile('(?i)\\pL').test('é');
}

/** An upper bound of the instructions of a pattern: about one for each character, multiplied by repetitions. */
export function instructionsAtMost(source: string): number {
  // In these patterns a bracket may be a literal character.
  if (/\\Q|\[\^?\]|\[[^\]]*\\/.test(source)) return (source.length + 1) * largestRepeat(source);
  const groups = [0];
  let last = 0;
  const add = (instructions: number): void => {
    last = instructions;
    groups.push((groups.pop() ?? 0) + instructions);
  };
  for (const [token, least = '', most = ''] of source.matchAll(tokens)) {
    // Flags are no instruction, and RE2 repeats the part before them: `a{9}(?i){9}` has `a` 81 times.
    if (token.startsWith('(?')) continue;
    if (token === '(') groups.push(0);
    else if (token === ')') add((groups.length > 1 ? (groups.pop() ?? 0) : 0) + 3);
    else if (/^[*+?]$/.test(token)) {
      // One instruction around the one before. Flags may stand between it and a further repetition.
      const repeated = last + 1;
      add(1);
      last = repeated;
    } else if (least === '') add(token.length);
    else add((last + 1) * Math.max(1, Number(least), Number(most)));
  }
  return 1 + groups.reduce((sum, instructions) => sum + instructions, 0);
}

/** Flags such as `(?i)`, `{2,5}`, an escape, a class of characters, or one character. */
const tokens = /\(\?[A-Za-z-]*\)|\{(\d+)(?:,(\d*))?\}|\\.|\[[^\]]*\]|[^]/g;

function largestRepeat(source: string): number {
  let repeat = 1;
  for (const [, least = '', most = ''] of source.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    repeat = Math.min(maxRepeat, repeat * Math.max(1, Number(least), Number(most)));
  }
  return repeat;
}
