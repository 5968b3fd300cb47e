import { z } from 'zod';
import { SpelledNumber } from '../../core/json/json-data.ts';
import { nearest } from '../../core/nearest.ts';
import type { Finding, Path } from '../../core/finding.ts';
import { pathKey, valueAt } from '../document/path.ts';
import { isPlanned, isPlannedConnector, plannedMessage } from './planned.ts';
import { bare } from '../schema/schema-walk.ts';
import { listed } from '../schema/values.ts';

export type Checked<Output> = { readonly value: Output } | Refused;

interface Refused {
  readonly findings: readonly Finding[];
  /** The findings about a string in the place of another type. A string from outside the file may spell such a value. */
  readonly texts: ReadonlySet<Finding>;
}

/** The text for a value in a message. */
export type Show = (path: Path, value: unknown) => string;

type Issue = z.core.$ZodIssue;

/** Checks a value against a schema. `show` may hide the value. */
export function check<Output>(schema: z.ZodType<Output>, value: unknown, show: Show): Checked<Output> {
  // zod reports the unknown keys, but not the known ones. They are read from the schema when zod reports the issue.
  const knownKeys = new WeakMap<readonly string[], z.core.$ZodShape>();
  const result = schema.safeParse(value, {
    reportInput: true,
    error(issue) {
      if (issue.code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject) {
        knownKeys.set(issue.keys, issue.inst.shape);
      }
      return expectation(issue);
    },
  });
  if (result.success) return { value: result.data };

  const texts = new Set<Finding>();
  const findingsOf = (issue: Issue, parent: Path): Finding[] => {
    const path: Path = [...parent, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey([...path, key], key, knownKeys.get(issue.keys) ?? {}));
    }
    if (issue.code === 'invalid_key') {
      const message = `${issue.issues[0]?.message ?? issue.message}, got ${show(path, path.at(-1))}`;
      return [{ path, place: 'key', message }];
    }
    const meant = issue.code === 'invalid_union' ? closestOption(issue.errors) : undefined;
    if (meant !== undefined) return meant.flatMap((inner) => findingsOf(inner, path));
    // The value that the author wrote, not the one that an earlier step of the schema made.
    const actual = valueAt(value, path);
    const finding = valueFinding(issue, path, actual, show);
    const mistyped = issue.code === 'invalid_type' || issue.code === 'invalid_union';
    if (typeof actual === 'string' && mistyped) texts.add(finding);
    return [finding];
  };
  return { findings: withoutEchoes(result.error.issues.flatMap((issue) => findingsOf(issue, []))), texts };
}

/**
 * A misspelt key is one finding, not two: the key that was meant is not reported as missing. The same holds for a
 * connector of a later version: its lookup is not reported to have no connector.
 */
function withoutEchoes(findings: readonly Finding[]): readonly Finding[] {
  const meant = new Set(
    findings.flatMap(({ path, nearest: key }) => (key === undefined ? [] : [pathKey([...path.slice(0, -1), key])])),
  );
  const connectors = findings.filter(({ path }) => isPlannedConnector(path));
  const planned = new Set(connectors.map(({ path }) => pathKey(path.slice(0, -1))));
  return findings.filter(
    ({ path, nearest: key }) => key !== undefined || !(meant.has(pathKey(path)) || planned.has(pathKey(path))),
  );
}

function valueFinding(issue: Issue, path: Path, actual: unknown, show: Show): Finding {
  if (actual === undefined) return { path, message: `missing; ${issue.message}` };
  // A rule about several members has no single value to show.
  // Nor has a list that has too few elements.
  const blamed = (issue.code !== 'custom' && issue.code !== 'too_small') || typeof actual !== 'object';
  const got =
    blamed && issue.message.startsWith('expected') ? `, got ${show(path, actual)}${hintFor(issue, actual)}` : '';
  return { path, message: `${issue.message}${got}` };
}

/** A number in the place of a text: YAML reads `1.0` as a number, so the spelling is lost. */
function hintFor(issue: Issue, actual: unknown): string {
  const number = typeof actual === 'number' || actual instanceof SpelledNumber;
  return number && issue.message === 'expected a string' ? '; write it in quotes' : '';
}

function unknownKey(path: Path, key: string, shape: z.core.$ZodShape): Finding {
  if (isPlanned(path)) return { path, place: 'key', message: plannedMessage };
  const owners = Object.keys(shape).filter((member) => hasKey(bare(shape[member]), key));
  if (owners.length > 0) return { path, place: 'key', message: `unknown key here; it belongs into ${listed(owners)}` };
  const known = Object.keys(shape);
  const meant = nearest(key, known);
  const finding = { path, place: 'key' } as const;
  return meant === undefined
    ? { ...finding, message: `unknown key; known keys: ${known.join(', ')}` }
    : { ...finding, message: `unknown key; did you mean ${JSON.stringify(meant)}?`, nearest: meant };
}

function hasKey(schema: unknown, key: string): boolean {
  return schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key);
}

/**
 * The issues of the only option of a union whose type fits the value; of several maps, the only one that has all keys of
 * the value. undefined if several fit, or none.
 */
function closestOption(options: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = options.filter((issues) => !issues.some(({ code, path }) => isTypeIssue(code) && path.length === 0));
  if (fitting.length < 2) return fitting[0];
  const named = fitting.filter(
    (issues) => !issues.some(({ code, path }) => code === 'unrecognized_keys' && path.length === 0),
  );
  return named.length === 1 ? named[0] : undefined;
}

function isTypeIssue(code: Issue['code']): boolean {
  return code === 'invalid_type' || code === 'invalid_value' || code === 'invalid_union';
}

const typeNames = new Map([
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'a string'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['record', 'a map'],
]);

/** The expected value, for schemas that have no message of their own. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return `expected ${typeNames.get(issue.expected) ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `expected ${listed(issue.values.map(String))}`;
  if (issue.code === 'too_small') return `expected ${quantity(issue.origin, 'at least', issue.minimum)}`;
  if (issue.code === 'too_big') return `expected ${quantity(issue.origin, 'at most', issue.maximum)}`;
  if (issue.code === 'invalid_format') return `expected text that matches ${issue.pattern ?? issue.format}`;
  const union = issue.code === 'invalid_union' && issue.inst instanceof z.ZodUnion;
  return union ? `expected ${listed(issue.inst.options.map(kindOf))}` : undefined;
}

function kindOf(schema: unknown): string {
  if (schema instanceof z.ZodObject) return `{ ${Object.keys(schema.shape).join(', ')} }`;
  return schema instanceof z.ZodType ? (typeNames.get(schema.type) ?? schema.type) : 'another value';
}

function quantity(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string') return limit === 1 ? 'text that is not empty' : `${bound} ${limit} characters`;
  if (origin === 'array') return `${bound} ${limit} elements`;
  return `a value of ${bound} ${limit}`;
}
