import { nearest } from '../../core/nearest.ts';
import type { Finding, Path } from '../../core/finding.ts';
import { isMap, pathKey, withValue } from './path.ts';
import { scalarPaths } from '../schema/schema-walk.ts';
import { serverSchema } from '../schema/server-schema.ts';

const prefix = 'MILLRACE_SERVER_';

/**
 * The environment variables that are read, and the path that each sets. The name is the path in upper case, its words
 * and steps divided by `_`:
 * MILLRACE_SERVER_LIMITS_LINE_BYTES is server.limits.lineBytes.
 */
export const environmentVariables: ReadonlyMap<string, Path> = new Map(
  scalarPaths(serverSchema, ['server']).map((path) => [variableName(path), path]),
);

function variableName(path: Path): string {
  const words = path.map((step) => String(step).replaceAll(/[A-Z]/g, (letter) => `_${letter}`));
  return `MILLRACE_${words.join('_').toUpperCase()}`;
}

/** The option of the command line that sets a key: `--admin-port` for server.admin.port. */
function flagName(path: Path): string {
  return `--${path.slice(1).join('-')}`;
}

/** The values of the file, replaced by those of the environment and of flags. */
export interface Overlaid {
  readonly value: unknown;
  /** By `pathKey`, the origin of each value that does not come from the file. */
  readonly origins: ReadonlyMap<string, string>;
  /** Of variables that set nothing; `file` names the variable. */
  readonly findings: readonly Finding[];
}

/** Replaces values of the file by those of the environment, and both by those of flags. */
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
  for (const [key, text] of Object.entries(flags)) {
    const path = key.split('.');
    put(path, text, flagName(path));
  }
  return { value, origins, findings };
}

function unknownVariable(name: string): Finding {
  const names = [...environmentVariables.keys()];
  const meant = nearest(name, names);
  const file = `environment variable ${name}`;
  return meant === undefined
    ? { file, path: [], message: `it sets no key; known variables: ${names.join(', ')}` }
    : { file, path: [], message: `it sets no key; did you mean ${meant}?`, nearest: meant };
}
