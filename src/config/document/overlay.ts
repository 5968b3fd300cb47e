import { nearest } from '../../core/nearest.ts';
import type { Finding, Path } from '../../core/finding.ts';
import { isMap, pathKey, withValue } from './path.ts';
import { scalarPaths } from '../schema/schema-walk.ts';
import { serverSchema } from '../schema/server-schema.ts';

const prefix = 'MILLRACE_SERVER_';

/**
 * The environment variables that are read, and what each sets: the path in upper case, words and steps divided by `_`.
 * MILLRACE_SERVER_LIMITS_LINE_BYTES is server.limits.lineBytes.
 */
export const environmentVariables: ReadonlyMap<string, Path> = new Map(
  scalarPaths(serverSchema, ['server']).map((path) => [variableName(path), path]),
);

function variableName(path: Path): string {
  const words = path.map((step) => String(step).replaceAll(/[A-Z]/g, (letter) => `_${letter}`));
  return `MILLRACE_${words.join('_').toUpperCase()}`;
}

/** Values from outside the file, put over those of the file. */
export interface Overlaid {
  readonly value: unknown;
  /** Where a value comes from that is not the file's, by `pathKey`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Of variables that set nothing; `file` names the variable. */
  readonly findings: readonly Finding[];
}

/** Puts the environment over the file, and the flags over both. */
export function overlay(
  file: unknown,
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string>>,
): Overlaid {
  const origins = new Map<string, string>();
  const findings: Finding[] = [];
  let value: unknown = file ?? {};
  const put = (path: Path, text: string, origin: string): void => {
    value = withValue(value, path, text);
    origins.set(pathKey(path), origin);
  };
  if (!isMap(value)) return { value, origins, findings };
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || text === undefined) continue;
    const path = environmentVariables.get(name);
    if (path === undefined) findings.push(unknownVariable(name));
    else put(path, text, `environment variable ${name}`);
  }
  for (const [path, text] of Object.entries(flags)) put(path.split('.'), text, `flag for ${path}`);
  return { value, origins, findings };
}

function unknownVariable(name: string): Finding {
  const names = [...environmentVariables.keys()];
  const meant = nearest(name, names);
  const file = `environment variable ${name}`;
  return meant === undefined
    ? { file, path: [], message: `nothing is set by it; there are ${names.join(', ')}` }
    : { file, path: [], message: `nothing is set by it; did you mean ${meant}?`, nearest: meant };
}
