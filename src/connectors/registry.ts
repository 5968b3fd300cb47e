import type { Finding } from '../core/finding.ts';
import type { Connector, ConnectorBatch, ConnectorDefinition, ConnectorRuntime } from './connector.ts';
import { http } from './http/http.ts';
import { module } from './module/module.ts';
import { table } from './table/table.ts';

/**
 * The only list of connectors: a new one is a line here and its import. Its key in the configuration, its options in the
 * schema and their type follow from it.
 *
 * A definition has options and checks. Packages that a connector needs (undici, csv-parse) are loaded when a lookup
 * that uses it is opened.
 */
export const connectors = {
  http,
  table,
  module,
} as const;

type Connectors = typeof connectors;
export type ConnectorName = keyof Connectors;
export const connectorNames = Object.keys(connectors) as readonly ConnectorName[];

type OptionsOf<Definition> = Definition extends ConnectorDefinition<infer Options> ? Options : never;

/** The members of a lookup's configuration that choose its connector: exactly one is set, beside `batch`. */
export type ConnectorChoice = { readonly [Name in ConnectorName]?: OptionsOf<Connectors[Name]> | undefined } & {
  readonly batch?: ConnectorBatch | undefined;
};

/** A connector with its options. */
export interface ChosenConnector {
  readonly name: ConnectorName;
  /** Undefined if a step may have any arguments. */
  readonly parameters: readonly string[] | undefined;
  /** With paths below the lookup. */
  readonly findings: readonly Finding[];
  /** See ConnectorDefinition. */
  readonly tellsFreshness: boolean;
  /** Files that are read when it is opened, as the options name them. */
  readonly files: readonly string[];
  /** The files whose change causes a reload. */
  readonly watchedFiles: readonly string[];
  create(runtime: ConnectorRuntime): Connector;
}

/** Throws Error if none is chosen. */
export function connectorOf(choice: ConnectorChoice): ChosenConnector {
  for (const name of connectorNames) {
    const options = choice[name];
    if (options !== undefined) return chosen(name, connectors[name], options, choice.batch);
  }
  throw new Error(`a lookup has exactly one connector: ${connectorNames.join(', ')}`);
}

/** The options are those of the definition: both were found by one name. */
function chosen(
  name: ConnectorName,
  definition: ConnectorDefinition<unknown>,
  options: unknown,
  batch: ConnectorBatch | undefined,
): ChosenConnector {
  return {
    name,
    tellsFreshness: definition.tellsFreshness,
    parameters: definition.parameters(options, batch),
    findings: [...below(name, definition.findings(options)), ...batchFindings(name, definition, options, batch)],
    files: definition.files(options),
    watchedFiles: definition.watchesFiles ? definition.files(options) : [],
    create: (runtime) => definition.create(options, runtime, batch),
  };
}

function batchFindings(
  name: ConnectorName,
  definition: ConnectorDefinition<unknown>,
  options: unknown,
  batch: ConnectorBatch | undefined,
): readonly Finding[] {
  if (batch === undefined) return [];
  const misplaced = connectorNames
    .filter((other) => other !== name && Object.hasOwn(batch, other))
    .map((other) => ({
      path: [other],
      message: `belongs to a lookup with the connector ${other}; this one has ${name}`,
    }));
  return below('batch', [...misplaced, ...(definition.batchFindings?.(options, batch) ?? [])]);
}

function below(key: string, findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, path: [key, ...finding.path] }));
}
