import { RecordError } from '../core/errors.ts';
import { formatPointer } from '../core/json/json-pointer.ts';
import { childOf, locate, skipSpace, type Child } from './json/json-text.ts';
import { SplicedLine } from './spliced-line.ts';

/** A place in a record, compiled once for many lines. */
export interface Place {
  readonly tokens: readonly string[];
  /**
   * The line with the JSON text `json` at this place; all other bytes are kept. An existing member is replaced (of several
   * with one name the last), a new one is added as the last; missing parents are added as objects. In an array, an
   * existing index is replaced, and `-` or the length appends.
   *
   * `line` is the text of a JSON object. With `absent` it is known to have no member of the place's first
   * token; otherwise the line is scanned. Throws RecordError `not_an_object` if a parent cannot hold the place.
   */
  splice(line: string, absent: boolean, json: string): string;
  /** The same for a line that is known to have no member of the place's first token. Undefined if the line does not end with its brace. */
  add(line: string, json: string): SplicedLine | undefined;
  /** The text that `add` puts between the last member of a line and its closing brace. */
  addition(json: string): string;
}

/**
 * Makes a place of a pointer's tokens.
 *
 *   tokens          a            b            c
 *   names          "a":         "b":         "c":
 *   before[i]   {"a":{"b":{"c":  {"b":{"c":   {"c":    ''      what opens a value that holds tokens[i..]
 *   after[i]    }}}              }}           }        ''      what closes it
 */
export function compilePlace(tokens: readonly string[]): Place {
  const names = tokens.map((token) => `${JSON.stringify(token)}:`);
  const before = tokens.map((_, depth) =>
    names
      .slice(depth)
      .map((name) => `{${name}`)
      .join(''),
  );
  before.push('');
  const after = before.map((_, depth) => '}'.repeat(tokens.length - depth));
  const first = tokens[0];
  if (first === undefined)
    return { tokens, splice: (_line, _absent, json) => json, add: () => undefined, addition: () => '' };
  // Inserted into the line's own braces, so without the outermost ones.
  const head = before[0]?.slice(1) ?? '';
  const next = `,${head}`;
  const tail = after[1] ?? '';
  const end = `${tail}}`;

  return {
    tokens,
    splice(line, absent, json) {
      if (absent) {
        const last = line.length - 1;
        const close = line.charCodeAt(last) === CLOSE ? last : line.lastIndexOf('}');
        const opening = isEmptyBefore(line, close) ? head : next;
        // Concatenated with +: a template would check of each part whether it is a string.
        return line.slice(0, close) + opening + json + (close === last ? end : tail + line.slice(close));
      }
      let at = skipSpace(line, 0);
      let depth = 0;
      for (const token of tokens) {
        const child = childOf(line, at, token);
        if (child === undefined) throw noContainer(line, tokens, depth);
        depth++;
        if (child.span === undefined) {
          if (child.kind === 'array' && !appends(child, token)) throw noElement(tokens, depth, child.count);
          const opening = `${child.kind === 'array' ? '' : names[depth - 1]}${before[depth]}`;
          const text = `${child.count === 0 ? '' : ','}${opening}${json}${after[depth]}`;
          return line.slice(0, child.close) + text + line.slice(child.close);
        }
        at = child.span.start;
        if (depth === tokens.length) return line.slice(0, at) + json + line.slice(child.span.end);
      }
      return line;
    },
    add(line, json) {
      const close = line.length - 1;
      if (line.charCodeAt(close) !== CLOSE) return undefined;
      return new SplicedLine(line.slice(0, close), isEmptyBefore(line, close) ? head : next, json, end);
    },
    addition: (json) => next + json + tail,
  };
}

const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Whether the object is empty: an opening brace just before the closing one cannot be inside a string, as a quote would follow. */
function isEmptyBefore(line: string, close: number): boolean {
  let at = close - 1;
  while (at > 0 && line.charCodeAt(at) <= 0x20) at--;
  return line.charCodeAt(at) === OPEN;
}

function appends(array: Child, token: string): boolean {
  return token === '-' || token === String(array.count);
}

function noContainer(line: string, tokens: readonly string[], depth: number): RecordError {
  const span = locate(line, tokens.slice(0, depth));
  const found = span === undefined ? 'nothing' : line.slice(span.start, Math.min(span.end, span.start + 40));
  return new RecordError(
    'not_an_object',
    `${formatPointer(tokens)} cannot be written: ${whole(tokens, depth)} is ${found}, and only an object or an array can hold it`,
  );
}

function noElement(tokens: readonly string[], depth: number, count: number): RecordError {
  return new RecordError(
    'not_an_object',
    `${formatPointer(tokens)} cannot be written: ${whole(tokens, depth - 1)} is an array of ${count}, ` +
      `and ${JSON.stringify(tokens[depth - 1])} is neither one of its indices, nor ${count} or "-" to append`,
  );
}

function whole(tokens: readonly string[], depth: number): string {
  return depth === 0 ? 'the record' : formatPointer(tokens.slice(0, depth));
}
