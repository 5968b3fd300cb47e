import { durationMs } from '../../core/options/quantity.ts';
import { lookupSchema, type LookupConfig } from '../schema/lookup-schema.ts';
import type { Finding, Path } from '../../core/finding.ts';
import { isMap, valueAt, withoutValue } from '../document/path.ts';
import { type TlsConfig, tlsSchema } from '../schema/tls-schema.ts';
import { repeatSchema, stepSchema, type StepConfig } from '../schema/pipeline-schema.ts';

/** The part of a step that has no mistakes. A wrong `into` is replaced by a place that no other step uses. */
export interface StepDraft {
  readonly lookup: string | undefined;
  /** The names of the arguments, also of those with a mistake; undefined if `with` is not a map. */
  readonly argumentNames: readonly string[] | undefined;
  readonly with: StepConfig['with'];
  readonly into: string;
  readonly when: string | undefined;
  readonly repeat: { readonly until?: string | undefined } | undefined;
}

export interface PipelineDraft {
  readonly enrich: readonly StepDraft[];
  /** Its timeout is 0s: its records have no deadline. */
  readonly untimed: boolean;
  /** The names in `allow.tokens`. */
  readonly tokens: readonly unknown[];
}

/** The part of a configuration that has no mistakes, for the checks that compare sections. */
export interface PartialConfig {
  /** By name; undefined for a lookup that has mistakes. */
  readonly lookups: ReadonlyMap<string, LookupConfig | undefined>;
  readonly pipelines: Readonly<Record<string, PipelineDraft>>;
  /** The names of the tokens in `server.auth`. */
  readonly tokenNames: readonly string[];
  /** There is a section `tracing`. */
  readonly traced: boolean;
  /** The section `server.tls`; undefined if there is none, or if it has mistakes. */
  readonly tls: TlsConfig | undefined;
  /** `server.spool.dir`; undefined if it is not set, or wrong. */
  readonly spoolDir: string | undefined;
}

/** Reads section by section, so that a mistake in one section does not hide those of another. */
export function draftOf(tree: unknown, findings: readonly Finding[]): PartialConfig {
  const lookups = sections(tree, 'lookups').map(([name, value]) => {
    const result = lookupSchema.safeParse(pruned(value, ['lookups', name], findings));
    return [name, result.success ? result.data : undefined] as const;
  });
  const pipelines = sections(tree, 'pipelines').map(([name, value]) => {
    const steps = valueAt(value, ['enrich']);
    const at = ['pipelines', name, 'enrich'];
    const enrich = Array.isArray(steps) ? steps.map((step, index) => draftStep(step, [...at, index], findings)) : [];
    const untimed = durationMs(String(valueAt(value, ['timeout']))) === 0;
    return [name, { enrich, untimed, tokens: listAt(value, ['allow', 'tokens']) }] as const;
  });
  const traced = isMap(valueAt(tree, ['tracing']));
  const tokenNames = listAt(tree, ['server', 'auth', 'bearerTokens'])
    .map((entry) => valueAt(entry, ['name']))
    .filter((name) => typeof name === 'string');
  const tls = tlsSchema.safeParse(valueAt(tree, ['server', 'tls']));
  const dir = valueAt(tree, ['server', 'spool', 'dir']);
  const spoolDir = typeof dir === 'string' && dir !== '' ? dir : undefined;
  const ofLookups = { lookups: new Map(lookups), pipelines: Object.fromEntries(pipelines) };
  return { ...ofLookups, tokenNames, traced, tls: tls.data, spoolDir };
}

function listAt(value: unknown, path: Path): readonly unknown[] {
  const list = valueAt(value, path);
  return Array.isArray(list) ? list : [];
}

function sections(tree: unknown, key: string): readonly (readonly [string, unknown])[] {
  const map = valueAt(tree, [key]);
  return isMap(map) ? Object.entries(map) : [];
}

const stepParts = stepSchema.partial().extend({ repeat: repeatSchema.partial().exactOptional() });

function draftStep(value: unknown, path: Path, findings: readonly Finding[]): StepDraft {
  const sources = valueAt(value, ['with']);
  const result = stepParts.safeParse(pruned(value, path, findings));
  const step = result.success ? result.data : {};
  return {
    lookup: step.lookup,
    argumentNames: result.success && (sources === undefined || isMap(sources)) ? Object.keys(sources ?? {}) : undefined,
    with: step.with ?? {},
    into: step.into ?? nowhere(path),
    when: step.when,
    repeat: step.repeat,
  };
}

/** A place that no other step reads or writes. */
function nowhere(path: Path): string {
  return `/\0${path.join('.').replaceAll('~', '').replaceAll('/', '')}`;
}

function pruned(section: unknown, path: Path, findings: readonly Finding[]): unknown {
  return findings
    .filter((finding) => path.every((step, index) => finding.path[index] === step))
    .reduce((value, finding) => withoutValue(value, finding.path.slice(path.length)), section);
}
