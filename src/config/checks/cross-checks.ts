import { connectorOf, type ChosenConnector } from '../../connectors/registry.ts';
import { SpelledNumber } from '../../core/json/json-data.ts';
import { nearest } from '../../core/nearest.ts';
import { checkTokens } from './token-checks.ts';
import type { PartialConfig, PipelineDraft, StepDraft } from './draft.ts';
import type { LookupConfig } from '../schema/lookup-schema.ts';
import type { Finding, Path } from '../../core/finding.ts';

/** The findings of the connectors on their options, and whether the steps fit the lookups. */
export function crossChecks({ lookups, pipelines, tokenNames }: PartialConfig): readonly Finding[] {
  const connectors = new Map([...lookups].map(([name, lookup]) => [name, chosen(lookup)]));
  const ofLookups = [...connectors].flatMap(([name, connector]) =>
    (connector?.findings ?? []).map((finding) => ({
      ...finding,
      path: ['lookups', name, ...finding.path],
    })),
  );
  const ofSteps = Object.entries(pipelines).flatMap(([name, { enrich }]) =>
    enrich.flatMap((step, index) => checkStep(step, ['pipelines', name, 'enrich', index], connectors)),
  );
  const ofTables = [...connectors].flatMap(([name, connector]) =>
    connector?.name === 'table' ? checkTable(name, lookups) : [],
  );
  const ofHedges = [...lookups].flatMap(([name, lookup]) => (lookup === undefined ? [] : checkHedge(name, lookup)));
  const ofTimes = Object.entries(pipelines).flatMap(([name, pipeline]) => checkTimeout(pipeline, name, lookups));
  const ofCaches = [...lookups].flatMap(([name, lookup]) => checkCache(lookup, name));
  const ofTokens = Object.entries(pipelines).flatMap(([name, { tokens }]) => checkTokens(tokens, name, tokenNames));
  return [...ofLookups, ...ofSteps, ...ofTables, ...ofHedges, ...ofTimes, ...ofCaches, ...ofTokens];
}

/** The answers of a table are there at once: its calls never run at the same time. */
function checkTable(name: string, lookups: PartialConfig['lookups']): readonly Finding[] {
  if (lookups.get(name)?.concurrency === undefined) return [];
  const message = 'a table answers at once, so there is nothing to limit; leave it out';
  return [{ path: ['lookups', name, 'concurrency'], place: 'key', message }];
}

const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE', 'QUERY']);

/** A hedge sends the same request twice. */
function checkHedge(name: string, { hedge, http, batch, module, table }: LookupConfig): readonly Finding[] {
  if (hedge === undefined) return [];
  const path = ['lookups', name, 'hedge'];
  if (table !== undefined) {
    return [{ path, place: 'key', message: 'a table answers at once, so no second call is faster; leave it out' }];
  }
  const method = batch?.http?.method ?? http?.method;
  if (hedge.idempotent || (method !== undefined && idempotentMethods.has(method))) return [];
  const call = module === undefined ? `a request with ${method ?? 'its method'}` : 'a call of a function';
  const message = `${call} may take effect twice; add idempotent: true to hedge if that does no harm, or leave hedge out`;
  return [{ path, place: 'key', message }];
}

function checkCache(lookup: LookupConfig | undefined, name: string): readonly Finding[] {
  if (lookup?.cache?.respectCacheControl !== true || connectorOf(lookup).tellsFreshness) return [];
  const message = 'expected an http lookup: only the answers of HTTP have a Cache-Control; leave it out';
  return [{ path: ['lookups', name, 'cache', 'respectCacheControl'], message }];
}

/** Without a timeout, the retries of a record would have no end (semantics T5). */
function checkTimeout(
  { enrich, untimed }: PipelineDraft,
  name: string,
  lookups: PartialConfig['lookups'],
): readonly Finding[] {
  const retried = enrich.find(({ lookup }) => lookup !== undefined && lookups.get(lookup)?.retry !== undefined)?.lookup;
  if (!untimed || retried === undefined) return [];
  const message = `expected a duration above 0s: lookup ${JSON.stringify(retried)} has a retry, so its records need a timeout`;
  return [{ path: ['pipelines', name, 'timeout'], message }];
}

function chosen(lookup: LookupConfig | undefined): ChosenConnector | undefined {
  return lookup === undefined ? undefined : connectorOf(lookup);
}

type Connectors = ReadonlyMap<string, ChosenConnector | undefined>;

function checkStep(
  { lookup, argumentNames, with: sources }: StepDraft,
  path: Path,
  connectors: Connectors,
): readonly Finding[] {
  if (lookup === undefined) return [];
  if (!connectors.has(lookup)) return [unknownLookup(lookup, [...path, 'lookup'], [...connectors.keys()])];
  const connector = connectors.get(lookup);
  if (connector?.name === 'module') return constantsForFunction(sources, [...path, 'with']);
  // The arguments are unknown if the options have mistakes.
  if (connector === undefined || connector.findings.length > 0 || argumentNames === undefined) return [];
  if (connector.parameters === undefined) return [];
  return checkArguments(lookup, argumentNames, connector.parameters, [...path, 'with']);
}

/** A function receives JavaScript numbers, which cannot hold every number of JSON. */
function constantsForFunction(sources: StepDraft['with'], path: Path): readonly Finding[] {
  return Object.entries(sources).flatMap(([name, source]): readonly Finding[] => {
    const value = typeof source === 'string' ? undefined : source.value;
    if (!(value instanceof SpelledNumber) || !value.lossy) return [];
    const message = `JavaScript has no number ${value.source}: write it in quotes, and the function gets it as text`;
    return [{ path: [...path, name, 'value'], message }];
  });
}

function unknownLookup(name: string, path: Path, names: readonly string[]): Finding {
  const meant = nearest(name, names);
  const known = names.length === 0 ? 'no lookup is defined' : `lookups: ${names.join(', ')}`;
  const unknown = `unknown lookup ${JSON.stringify(name)}`;
  return meant === undefined
    ? { path, message: `${unknown}; ${known}` }
    : { path, message: `${unknown}; did you mean ${JSON.stringify(meant)}? (${known})`, nearest: meant };
}

/** A misspelt argument is one finding, not two: the argument that was meant is not reported as missing. */
function checkArguments(
  lookup: string,
  argumentNames: readonly string[],
  taken: readonly string[],
  path: Path,
): readonly Finding[] {
  const missing = new Set(taken.filter((name) => !argumentNames.includes(name)));
  const surplus = argumentNames.filter((name) => !taken.includes(name));
  const takes = taken.length === 0 ? 'it takes none' : `it takes ${taken.join(', ')}`;
  const unknown = surplus.map((name): Finding => {
    const message = `lookup ${JSON.stringify(lookup)} takes no argument ${JSON.stringify(name)}`;
    const at = { path: [...path, name], place: 'key' } as const;
    const meant = nearest(name, [...missing]);
    if (meant === undefined) return { ...at, message: `${message}; ${takes}` };
    missing.delete(meant);
    return { ...at, message: `${message}; did you mean ${JSON.stringify(meant)}?`, nearest: meant };
  });
  const absent = [...missing].map((name) => ({
    path: [...path, name],
    message: `missing; lookup ${JSON.stringify(lookup)} needs the argument ${JSON.stringify(name)}, such as ${name}: /${name}`,
  }));
  return [...unknown, ...absent];
}
