import type { Path } from '../core/finding.ts';
import { isMap, pathText } from './document/path.ts';
import type { Config } from './schema/schema.ts';

/** The keys of `server` that a reload takes over. */
const live: ReadonlySet<string> = new Set([
  'server.limits',
  'server.compression',
  'server.spool',
  'server.drainTimeout',
  'server.log.level',
  'server.watch',
  'server.allowedHosts',
  'server.auth',
  'server.admin.auth',
  'server.cors',
  'server.admin.cors',
]);

/** The names of files that a reload takes over if the service was started with such a file. */
const liveFiles: ReadonlySet<string> = new Set(['server.tls.cert', 'server.tls.key', 'server.tls.clientCa']);

/** The sections that a reload replaces. */
const replaced: ReadonlySet<string> = new Set(['lookups', 'pipelines']);

/**
 * The keys whose value differs from the one that the service was started with, and that only a start reads, such as
 * `server.port`. A key that is not listed above counts as one of these.
 */
export function needingRestart(started: Config, next: Config): readonly string[] {
  return differences(started, next, []);
}

function differences(before: unknown, after: unknown, path: Path): readonly string[] {
  const key = pathText(path);
  if (live.has(key) || replaced.has(key)) return [];
  if (liveFiles.has(key) && before !== undefined && after !== undefined) return [];
  if (isMap(before) && isMap(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [key];
}
