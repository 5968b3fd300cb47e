import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import type { Grammar } from '../../core/options/grammar.ts';
import { numberFrom } from '../../core/json/json-data.ts';
import { holdsMark } from '../../core/secrets/reference-text.ts';
import { composeText, markProblem } from './compose-text.ts';
import { interpolate, type ReferenceSources } from './interpolate.ts';
import type { Finding, Path } from '../../core/finding.ts';
import { pathKey } from './path.ts';

/** A file as plain values, with references replaced, and the position of each value. */
export interface ConfigDocument {
  readonly value: unknown;
  readonly positions: Positions;
  /** By `pathKey`, for each string that held a reference, the text that may be shown. */
  readonly shown: ReadonlyMap<string, string>;
  /** The values that references brought in from outside, each with its path. */
  readonly brought: readonly { readonly path: Path; readonly text: string }[];
  /** Each with its line and column. */
  readonly findings: readonly Finding[];
  /** By `pathKey`, the values whose reference or alias has no value: it is reported once, so no check repeats it. */
  readonly broken: ReadonlySet<string>;
  /** False if the text is not YAML, or has too many values: then its values are not checked. */
  readonly readable: boolean;
  readonly lineColumn: (offset: number) => { readonly line: number; readonly column: number };
  /** The offset of a character in the text at `offset`. If the file spells the text with escapes, the offset of its start. */
  readonly characterAt: (offset: number, written: string, within: number) => number;
}

/** Offsets into the text: of the key, if the value is a member of a map, and of the value. */
interface Span {
  readonly key: number | undefined;
  readonly value: number;
}

/** The position of every value in the file. */
class Positions {
  readonly #spans = new Map<string, Span>();

  set(path: Path, key: number | undefined, value: number): void {
    this.#spans.set(pathKey(path), { key, value });
  }

  /** The offset of the value at a path or, if there is none, of the nearest map or list around it. */
  offset(path: Path, place: NonNullable<Finding['place']>): number {
    const span = this.#spans.get(pathKey(path));
    if (span !== undefined) return place === 'value' ? span.value : (span.key ?? span.value);
    return path.length === 0 ? 0 : this.offset(path.slice(0, -1), 'key');
  }
}

/** No real configuration has so many values. Anchors that refer to anchors can make more. */
const mostValues = 100_000;

/** Reads YAML 1.2, which includes JSON. Never throws. `grammarAt` says how the text at a path is read. */
export function readDocument(
  text: string,
  sources: ReferenceSources,
  grammarAt: (path: Path) => Grammar | undefined,
): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'core',
  });
  const lineColumn: ConfigDocument['lineColumn'] = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const findings: Finding[] = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...lineColumn(pos[0]),
    path: [],
    message: `not YAML: ${message}`,
  }));
  const positions = new Positions();
  const shown = new Map<string, string>();
  const brought: { path: Path; text: string }[] = [];
  const broken = new Set<string>();
  const ancestors = new Set<unknown>();
  let values = 0;

  const complain = (offset: number, path: Path, message: string): void => {
    findings.push({ ...lineColumn(offset), path, message });
  };
  const giveUp = (offset: number, path: Path, ...messages: readonly string[]): undefined => {
    for (const message of messages) complain(offset, path, message);
    broken.add(pathKey(path));
  };

  const read = (node: unknown, path: Path, key?: number): unknown => {
    const offset = offsetOf(node) ?? key ?? 0;
    positions.set(path, key, offset);
    if (++values > mostValues) {
      const message = `more than ${mostValues} values; remove anchors that refer to anchors`;
      return giveUp(offset, path, ...(values === mostValues + 1 ? [message] : []));
    }
    if (isScalar(node)) return readScalar(node, path, offset);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined)
        return giveUp(offset, path, `unknown anchor &${node.source}; define it above this line`);
      if (ancestors.has(target)) return giveUp(offset, path, `the anchor &${node.source} contains itself`);
      return read(target, path, key);
    }
    ancestors.add(node);
    const result = isMap(node)
      ? readMap(node, path)
      : isSeq(node)
        ? node.items.map((item, index) => read(item, [...path, index]))
        : null;
    ancestors.delete(node);
    return result;
  };

  const readScalar = ({ value: scalar, source }: Scalar, path: Path, offset: number): unknown => {
    const grammar = grammarAt(path);
    if (typeof scalar === 'number' && grammar !== undefined) {
      const spelled = source ?? String(scalar);
      return numberFrom(spelled) ?? giveUp(offset, path, `JSON has no number ${spelled}; write it in quotes, as text`);
    }
    if (typeof scalar !== 'string') return scalar;
    if (grammar?.endsWith('template') === true && holdsMark(scalar)) return giveUp(offset, path, markProblem);
    if (!scalar.includes('${')) return scalar;
    const result = interpolate(scalar, sources);
    if (result.problems.length > 0) return giveUp(offset, path, ...result.problems);
    if (result.shown === undefined) return result.text;
    shown.set(pathKey(path), result.shown);
    brought.push(...result.brought.map((piece) => ({ path, text: piece })));
    const composed = composeText(result.pieces, grammar);
    return 'text' in composed ? composed.text : giveUp(offset, path, composed.problem);
  };

  const readMap = (node: YAMLMap, path: Path): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    for (const pair of node.items) {
      const offset = offsetOf(pair.key) ?? offsetOf(node) ?? 0;
      if (!isScalar(pair.key)) {
        complain(offset, path, 'expected a name as key, got a list, a map or an alias');
        continue;
      }
      // The spelling of a name counts: `1.0` is not `1`.
      const { value: key, source } = pair.key;
      const name = typeof key === 'string' ? key : (source ?? String(key));
      const at = [...path, name];
      if (name === '__proto__') complain(offset, at, 'this name cannot be used');
      else if (holdsMark(name)) complain(offset, at, markProblem);
      else if (Object.hasOwn(result, name)) complain(offset, at, `duplicate key; it is first in line ${firstLine(at)}`);
      else result[name] = read(pair.value, at, offset);
    }
    return result;
  };

  const firstLine = (path: Path): number => lines.linePos(positions.offset(path, 'key')).line;

  const value = document.errors.length === 0 ? read(document.contents, []) : undefined;
  return {
    readable: document.errors.length === 0 && values <= mostValues,
    value,
    positions,
    shown,
    brought,
    broken,
    findings,
    lineColumn,
    characterAt(offset, written, within) {
      const start = /["']/.test(text.charAt(offset)) ? offset + 1 : offset;
      return text.startsWith(written.slice(0, within), start) ? start + within : offset;
    },
  };
}

/** The number or the boolean that a text spells in JSON. Any other text stays text. */
export function scalarOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = numberFrom(text);
  return number === undefined ? text : Number(text);
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
