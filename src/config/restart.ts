import type { Path } from '../core/finding.ts';
import { isMap, pathText } from './document/path.ts';
import type { Config } from './schema/schema.ts';

/** What a running service takes over of `server`. */
const live: ReadonlySet<string> = new Set(['server.limits', 'server.drainTimeout', 'server.log.level', 'server.watch']);

/** Sections that a reload is for. */
const replaced: ReadonlySet<string> = new Set(['lookups', 'pipelines']);

/**
 * The keys whose value differs from the one that the service was started with, and that are looked at by a start
 * alone, such as `server.port`: all that are not known to be taken over.
 */
export function needingRestart(started: Config, next: Config): readonly string[] {
  return differences(started, next, []);
}

function differences(before: unknown, after: unknown, path: Path): readonly string[] {
  const key = pathText(path);
  if (live.has(key) || replaced.has(key)) return [];
  if (isMap(before) && isMap(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [key];
}
