import type { Connector, ConnectorDefinition, ConnectorRuntime } from './connector.ts';
import { http } from './http/http.ts';
import type { HttpOptions } from './http/http-options.ts';
import { module } from './module/module.ts';
import type { ModuleOptions } from './module/module-options.ts';
import { table } from './table/table.ts';
import type { TableOptions } from './table/table-options.ts';

/**
 * The only list of connectors. A definition holds options and checks; what a connector needs from outside
 * (undici, csv-parse) is loaded when a lookup that uses it is opened.
 */
export const connectors = { http, table, module } as const;

export type ConnectorName = keyof typeof connectors;

/** The members of a lookup's configuration that choose its connector: exactly one is there. */
export interface ConnectorChoice {
  readonly http?: HttpOptions | undefined;
  readonly table?: TableOptions | undefined;
  readonly module?: ModuleOptions | undefined;
}

/** A connector with its options. */
export interface ChosenConnector {
  readonly name: ConnectorName;
  /** Undefined where any arguments will do. */
  readonly parameters: readonly string[] | undefined;
  readonly problems: ReturnType<ConnectorDefinition<unknown>['problems']>;
  /** Files that are read when it is opened, as the options name them. */
  readonly files: readonly string[];
  /** Those of them whose change is a reason for a reload. */
  readonly watchedFiles: readonly string[];
  create(runtime: ConnectorRuntime): Connector;
}

/** Throws Error where none is chosen. */
export function connectorOf(choice: ConnectorChoice): ChosenConnector {
  if (choice.http !== undefined) return chosen('http', http, choice.http);
  if (choice.table !== undefined) return chosen('table', table, choice.table);
  if (choice.module !== undefined) return chosen('module', module, choice.module);
  throw new Error(`a lookup has exactly one connector: ${Object.keys(connectors).join(', ')}`);
}

function chosen<Options>(
  name: ConnectorName,
  definition: ConnectorDefinition<Options>,
  options: Options,
): ChosenConnector {
  return {
    name,
    parameters: definition.parameters(options),
    problems: definition.problems(options),
    files: definition.files(options),
    watchedFiles: definition.watchesFiles ? definition.files(options) : [],
    create: (runtime) => definition.create(options, runtime),
  };
}
