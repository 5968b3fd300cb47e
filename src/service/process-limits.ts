import { readFileSync, readdirSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Loaded } from '../config/load.ts';
import type { Config } from '../config/schema/schema.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../core/json/json-data.ts';

/**
 * The default of `limits.memory` is this part of the heap that V8 allows. The other part holds what is not counted: the
 * service itself (some 30 MB), garbage that is not collected yet, parsed values, and answers that arrive. The buffers of
 * sockets and of bodies are outside the heap.
 */
const MEMORY_SHARE = 1 / 4;

/** Assumed if the system does not say how many files may be open. */
const UNKNOWN_OPEN_FILES = 8192;
/** Connections to the admin listener. */
export const ADMIN_CONNECTIONS = 16;
/** Connections that are answered with 503 at the same time. */
export const REFUSED_AT_ONCE = 8;
/** Files that are open for a short time: a table that is read again, names that are resolved, the log. */
const SPARE_FILES = 16;
/** Clients get at least this part of the files that are left for connections. */
const LEAST_CLIENT_SHARE = 1 / 2;

/** Bytes that all streams together may hold. */
export function memoryBytes({ memory }: Config['server']['limits']): number {
  return memory ?? defaultMemoryBytes();
}

function defaultMemoryBytes(): number {
  return Math.floor(getHeapStatistics().heap_size_limit * MEMORY_SHARE);
}

/** The connections of clients and lookups, which together never need more files than the process may open. */
export interface ConnectionPlan {
  /** Connections of clients, at the most. */
  readonly clients: number;
  /** The lookups, with `connections` reduced to the number of files that they may use. */
  readonly lookups: Config['lookups'];
  /** The settings that were reduced, each with both numbers. */
  readonly reduced: readonly { readonly key: string; readonly configured: number; readonly holds: number }[];
}

/** Files of this process: how many it may open (the soft RLIMIT_NOFILE), and how many are open. */
export interface OpenFiles {
  readonly most: number;
  readonly open: number;
}

export function openFiles(): OpenFiles {
  try {
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return { most: Number(most ?? UNKNOWN_OPEN_FILES), open: readdirSync('/proc/self/fd').length };
  } catch {
    return { most: UNKNOWN_OPEN_FILES, open: 32 };
  }
}

/**
 *     most   [ open | spare, admin, refused | connections of lookups | connections of clients ]
 */
export function planConnections({ server, lookups }: Config, { most, open }: OpenFiles): ConnectionPlan {
  const usable = Math.max(2, most - open - SPARE_FILES - ADMIN_CONNECTIONS - REFUSED_AT_ONCE);
  const wanted = Object.values(lookups).reduce((sum, { http }) => sum + (http?.connections ?? 0), 0);
  const forLookups = Math.min(wanted, Math.floor(usable * (1 - LEAST_CLIENT_SHARE)));
  const reduced: ConnectionPlan['reduced'][number][] = [];
  const holds = (key: string, configured: number, available: number): number => {
    if (configured <= available) return configured;
    reduced.push({ key, configured, holds: available });
    return available;
  };
  const fitted = Object.entries(lookups).map(([name, lookup]): [string, typeof lookup] => {
    if (lookup.http === undefined) return [name, lookup];
    const { connections } = lookup.http;
    const share = Math.max(1, Math.floor((connections * forLookups) / wanted));
    const key = `lookups.${name}.http.connections`;
    return [name, { ...lookup, http: { ...lookup.http, connections: holds(key, connections, share) } }];
  });
  const mostClients = usable - forLookups;
  const clients = holds('server.limits.connections', server.limits.connections ?? mostClients, mostClients);
  return { clients, lookups: Object.fromEntries(fitted), reduced };
}

/**
 * Adds the defaults that depend on this process to the effective form of a configuration. The process of `serve` may have
 * other limits.
 */
export function withProcessDefaults(loaded: Loaded): Loaded {
  const { config, effective } = loaded;
  const server = membersOf(effective['server']);
  const limits = {
    connections: planConnections(config, openFiles()).clients,
    memory: `${Math.floor(defaultMemoryBytes() / 1024 ** 2)}MiB`,
    ...membersOf(server['limits']),
  };
  return { ...loaded, effective: { ...effective, server: { ...server, limits } } };
}

function membersOf(value: JsonData | undefined): JsonDataObject {
  return value !== undefined && isDataObject(value) ? value : {};
}
