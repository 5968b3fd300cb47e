import { readFileSync } from 'node:fs';
import { isJsonObject, parseJson } from '../core/json/json.ts';

/** The version of this package, from its package.json. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const manifest = parseJson(text);
  const number = isJsonObject(manifest) ? manifest['version'] : undefined;
  if (typeof number !== 'string') throw new Error('package.json has no version');
  return number;
}
