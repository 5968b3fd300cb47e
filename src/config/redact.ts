import { type ScalarTag, stringify } from 'yaml';
import { type JsonData, SpelledNumber } from '../core/json/json-data.ts';
import { hidden } from '../core/secrets/reference-text.ts';
import { isSecretName } from '../core/secrets/secret-names.ts';
import { withoutUrlSecrets } from '../core/secrets/secrets.ts';
import { escapeReferences } from './document/interpolate.ts';
import type { Path } from '../core/finding.ts';
import { isMap, pathKey } from './document/path.ts';

/**
 * A configuration in which every secret is `***`: the value of a reference, every value below a lookup's key that has
 * the name of a secret (`auth`, an `authorization` header), the tokens of a listener, the headers of a collector, and the
 * user and password of a URL. `shown` has, by `pathKey`, the text that may be shown of each string with references.
 */
export function redact(value: unknown, shown: ReadonlyMap<string, string>, path: Path = []): JsonData {
  if (Array.isArray(value)) return value.map((item, index) => redact(item, shown, [...path, index]));
  if (isMap(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, redact(member, shown, [...path, key])]),
    );
  }
  const open = shown.get(pathKey(path));
  if (open !== undefined) return typeof value === 'string' ? withoutUrlSecrets(open) : hidden;
  if (isSecretPlace(path) && value !== null && value !== '') return hidden;
  if (typeof value === 'string') return withoutUrlSecrets(value);
  return typeof value === 'number' || typeof value === 'boolean' || value instanceof SpelledNumber ? value : null;
}

/**
 * Whether one of the keys that lead to a value makes it secret. The names of lookups and pipelines do not count. Every
 * header of a collector is secret, because collectors take their keys in headers of any name.
 */
export function isSecretPlace(path: Path): boolean {
  if (path[0] === 'tracing' && path[2] === 'headers') return true;
  // The name and the limits of a token are not secret, though they are below `auth`.
  if (path[0] === 'server') return isSecretName(String(path.findLast((step) => typeof step === 'string')));
  if (isOfOauth2(path)) return path[5] === 'clientSecret' || hasSecretName(path.slice(6));
  return path[0] === 'lookups' && hasSecretName(path.slice(2));
}

/** Below `auth` everything is secret, but not the settings of `oauth2`: `authMethod: basic` is part of many messages. */
function isOfOauth2([section, , connector, auth, kind]: Path): boolean {
  return section === 'lookups' && connector === 'http' && auth === 'auth' && kind === 'oauth2';
}

function hasSecretName(path: Path): boolean {
  return path.some((step) => typeof step === 'string' && isSecretName(step));
}

/** A configuration as YAML. Millrace can load this text again if no secret is hidden in it. */
export function toYaml(configuration: unknown): string {
  return stringify(escaped(configuration), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    schema: 'core',
    customTags: (tags) => [spelled, ...tags],
  });
}

const spelled: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: (value) => value instanceof SpelledNumber,
  resolve: (text) => text,
  stringify: ({ value }) => (value instanceof SpelledNumber ? value.source : String(value)),
};

function escaped(value: unknown): unknown {
  if (typeof value === 'string') return escapeReferences(value);
  if (Array.isArray(value)) return value.map((item) => escaped(item));
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escaped(member)]));
  return value;
}
