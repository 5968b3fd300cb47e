import { ExpressionError, type Frame } from '../frame.ts';
import { define, method, type Overload } from '../overload.ts';
import { testWith } from './pattern.ts';
import { indexesIn, indexIn } from './text-search.ts';
import { isList, typeOf, type Value } from '../value.ts';

/**
 * Functions on text. Positions and sizes are in characters (code points). Functions with positions are those of the
 * `strings` extension of CEL.
 */
export const strings: readonly Overload[] = [
  define('size', ['string'], 'int', (frame, text) => BigInt(characters(text, frame))),
  method('size', ['string'], 'int', (frame, text) => BigInt(characters(text, frame))),
  method('startsWith', ['string', 'string'], 'bool', (frame, text, start) => {
    frame.spendPass(start.length);
    return text.startsWith(start);
  }),
  method('endsWith', ['string', 'string'], 'bool', (frame, text, end) => {
    frame.spendPass(end.length);
    return text.endsWith(end);
  }),
  method('contains', ['string', 'string'], 'bool', (frame, text, part) => indexIn(text, part, 0, frame) >= 0),
  method('matches', ['string', 'string'], 'bool', (frame, text, pattern) => testWith(pattern, text, frame)),
  define('matches', ['string', 'string'], 'bool', (frame, text, pattern) => testWith(pattern, text, frame)),

  method('charAt', ['string', 'int'], 'string', (frame, text, at) => {
    const index = unitIndex(text, at, frame);
    const point = text.codePointAt(index);
    return point === undefined ? '' : String.fromCodePoint(point);
  }),
  method('indexOf', ['string', 'string'], 'int', (frame, text, part) =>
    characterIndex(text, indexIn(text, part, 0, frame), frame),
  ),
  method('indexOf', ['string', 'string', 'int'], 'int', (frame, text, part, from) =>
    characterIndex(text, indexIn(text, part, unitIndex(text, from, frame), frame), frame),
  ),
  method('lastIndexOf', ['string', 'string'], 'int', (frame, text, part) => lastIndex(text, part, text.length, frame)),
  method('lastIndexOf', ['string', 'string', 'int'], 'int', (frame, text, part, from) =>
    lastIndex(text, part, unitIndex(text, from, frame), frame),
  ),
  method('lowerAscii', ['string'], 'string', (frame, text) => {
    frame.spendPass(2 * text.length);
    return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }),
  method('upperAscii', ['string'], 'string', (frame, text) => {
    frame.spendPass(2 * text.length);
    return text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
  }),
  method('replace', ['string', 'string', 'string'], 'string', (frame, text, part, by) =>
    replace(text, part, by, Number.POSITIVE_INFINITY, frame),
  ),
  method('replace', ['string', 'string', 'string', 'int'], 'string', (frame, text, part, by, most) =>
    replace(text, part, by, most < 0n ? Number.POSITIVE_INFINITY : Number(most), frame),
  ),
  method('split', ['string', 'string'], 'list', (frame, text, by) => split(text, by, Number.POSITIVE_INFINITY, frame)),
  method('split', ['string', 'string', 'int'], 'list', (frame, text, by, most) =>
    split(text, by, most < 0n ? Number.POSITIVE_INFINITY : Number(most), frame),
  ),
  method('join', ['list'], 'string', (frame, list) => join(list, '', frame)),
  method('join', ['list', 'string'], 'string', (frame, list, by) => join(list, by, frame)),
  method('substring', ['string', 'int'], 'string', (frame, text, from) => text.slice(unitIndex(text, from, frame))),
  method('substring', ['string', 'int', 'int'], 'string', (frame, text, from, to) => {
    if (from > to) throw new ExpressionError('the start of the substring is after its end');
    return text.slice(unitIndex(text, from, frame), unitIndex(text, to, frame));
  }),
  method('trim', ['string'], 'string', (frame, text) => {
    frame.spendPass(text.length);
    return trim(text);
  }),
  method('reverse', ['string'], 'string', (frame, text) => {
    frame.spend(text.length);
    return Array.from(text).toReversed().join('');
  }),
];

const surrogate = /[\ud800-\udfff]/;
/** Characters that are counted one by one in one step. */
const charactersPerCountingStep = 4;

/** Whether each code unit of the text is one character. */
function isPlain(text: string, frame: Frame): boolean {
  frame.spendPass(text.length);
  if (!surrogate.test(text)) return true;
  frame.spend(text.length / charactersPerCountingStep);
  return false;
}

function characters(text: string, frame: Frame): number {
  let count = text.length;
  if (isPlain(text, frame)) return count;
  for (let at = 1; at < text.length; at += 1) if (isPair(text, at)) count -= 1;
  return count;
}

/** Whether a character of two code units ends at this index. */
function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** The index of the code unit at which a character begins. Throws ExpressionError if the position is outside the text. */
function unitIndex(text: string, character: bigint, frame: Frame): number {
  if (character < 0n || character > text.length) throw outside();
  if (isPlain(text, frame)) return Number(character);
  let left = Number(character);
  let at = 0;
  while (left > 0 && at < text.length) {
    at += at + 1 < text.length && isPair(text, at + 1) ? 2 : 1;
    left -= 1;
  }
  if (left > 0) throw outside();
  return at;
}

function outside(): ExpressionError {
  return new ExpressionError('the position is outside the text');
}

/** The number of the character that begins at a code unit; -1 stays -1. */
function characterIndex(text: string, unit: number, frame: Frame): bigint {
  return unit < 0 ? -1n : BigInt(characters(text.slice(0, unit), frame));
}

function lastIndex(text: string, part: string, from: number, frame: Frame): bigint {
  // V8 compares the needle at every place.
  frame.spendPass(text.length * Math.max(1, part.length / 4));
  return characterIndex(text, text.lastIndexOf(part, from), frame);
}

function replace(text: string, part: string, by: string, most: number, frame: Frame): string {
  const pieces = part === '' ? everyCharacter(text, most, frame) : split(text, part, most + 1, frame);
  frame.spendPass(text.length + pieces.length * by.length);
  return pieces.join(by);
}

/** The text split at every occurrence of the empty text: before and after every character. */
function everyCharacter(text: string, most: number, frame: Frame): readonly string[] {
  frame.spend(text.length);
  const all = Array.from(text);
  const single = all.slice(0, Math.max(0, most - 1));
  const remaining = all.slice(single.length).join('');
  if (most === 0) return [text];
  return most > all.length ? ['', ...all, ''] : ['', ...single, remaining];
}

function split(text: string, by: string, most: number, frame: Frame): readonly string[] {
  if (most === 0) return [];
  if (most === 1) return [text];
  if (by === '') {
    frame.spend(text.length);
    const all = Array.from(text);
    return all.length <= most ? all : [...all.slice(0, most - 1), all.slice(most - 1).join('')];
  }
  const pieces: string[] = [];
  let from = 0;
  for (const at of indexesIn(text, by, most - 1, frame)) {
    pieces.push(text.slice(from, at));
    from = at + by.length;
  }
  pieces.push(text.slice(from));
  return pieces;
}

function join(list: Value, by: string, frame: Frame): string {
  if (!isList(list)) return '';
  const texts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== 'string')
      throw new ExpressionError(`join needs a list of strings; this one holds ${typeOf(item)}`);
    length += item.length + by.length;
    frame.spend(8);
    texts.push(item);
  }
  frame.spendPass(length);
  return texts.join(by);
}

/** Removes white space as Unicode defines it, which differs from JavaScript's. */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isSpace(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  if (unit >= 0x2000 && unit <= 0x200a) return true;
  return unit === 0x1680 || unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000;
}
