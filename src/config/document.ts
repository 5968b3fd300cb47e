import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Scalar, type YAMLMap } from 'yaml';
import { type Path, pathKey } from './path.ts';
import { interpolate, type ReferenceSources } from './interpolate.ts';
import { Positions } from './positions.ts';

/** A mistake, and where it stands. */
export interface TextProblem {
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
}

/** A file as plain values, references put in, and where each of them stands. */
export interface ConfigDocument {
  readonly value: unknown;
  readonly positions: Positions;
  /** For each string that held a reference, by `pathKey`, what may be shown of it. */
  readonly shown: ReadonlyMap<string, string>;
  readonly problems: readonly TextProblem[];
  /** What has no value because its reference or its alias has none, by `pathKey`: more complaints would be noise. */
  readonly broken: ReadonlySet<string>;
  /** False where the text is so broken that its values say nothing. */
  readonly readable: boolean;
  readonly lineColumn: (offset: number) => { readonly line: number; readonly column: number };
}

/** No configuration has as many values; only anchors that multiply each other have. */
const mostValues = 100_000;

/** Reads YAML 1.2, and with it JSON, without ever throwing. */
export function readDocument(text: string, sources: ReferenceSources): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    schema: 'core',
  });
  const problems: TextProblem[] = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    offset: pos[0],
    path: [],
    message: `no YAML: ${message}`,
  }));
  const positions = new Positions();
  const shown = new Map<string, string>();
  const broken = new Set<string>();
  const around = new Set<unknown>();
  let values = 0;

  const complain = (offset: number, path: Path, message: string): void => {
    problems.push({ offset, path, message });
  };
  const giveUp = (offset: number, path: Path, ...messages: readonly string[]): undefined => {
    for (const message of messages) complain(offset, path, message);
    broken.add(pathKey(path));
  };

  const read = (node: unknown, path: Path, key?: number): unknown => {
    const offset = offsetOf(node) ?? key ?? 0;
    positions.set(path, key, offset);
    if (++values > mostValues) {
      const message = `more than ${mostValues} values: are there anchors in anchors?`;
      return giveUp(offset, path, ...(values === mostValues + 1 ? [message] : []));
    }
    if (isScalar(node)) return readScalar(node, path, offset);
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined) return giveUp(offset, path, `there is no anchor &${node.source} above`);
      if (around.has(target)) return giveUp(offset, path, `the anchor &${node.source} contains itself`);
      return read(target, path, key);
    }
    around.add(node);
    const result = isMap(node)
      ? readMap(node, path)
      : isSeq(node)
        ? node.items.map((item, index) => read(item, [...path, index]))
        : null;
    around.delete(node);
    return result;
  };

  const readScalar = (node: Scalar, path: Path, offset: number): unknown => {
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node.value;
    const result = interpolate(node.value, sources);
    if (result.problems.length > 0) return giveUp(offset, path, ...result.problems);
    if (result.shown !== undefined) shown.set(pathKey(path), result.shown);
    return result.text;
  };

  const readMap = (node: YAMLMap, path: Path): Record<string, unknown> => {
    const result: Record<string, unknown> = {};
    for (const pair of node.items) {
      const offset = offsetOf(pair.key) ?? offsetOf(node) ?? 0;
      if (!isScalar(pair.key)) {
        complain(offset, path, 'expected a name as key, got a list, a map or an alias');
        continue;
      }
      const name = String(pair.key.value);
      const at = [...path, name];
      if (name === '__proto__') complain(offset, at, 'this name can not be used');
      else if (Object.hasOwn(result, name))
        complain(offset, at, `the key is there twice; first in line ${firstLine(at)}`);
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
    broken,
    problems,
    lineColumn(offset) {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    },
  };
}

/** A number or a boolean that a text spells in YAML; any other text stays as it is. */
export function scalarOf(text: string): unknown {
  const document = parseDocument(text, { schema: 'core', prettyErrors: false });
  const node: unknown = document.contents;
  if (document.errors.length > 0 || !isScalar(node)) return text;
  return typeof node.value === 'number' || typeof node.value === 'boolean' ? node.value : text;
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
