import { basicCredentials as oauth2Credentials } from '../connectors/http/oauth2/token-endpoint.ts';
import { plainText } from '../core/secrets/reference-text.ts';
import type { ConfigDocument } from './document/document.ts';
import type { Path } from '../core/finding.ts';
import { isMap, valueAt } from './document/path.ts';
import { isSecretPlace } from './redact.ts';
import { configSchema } from './schema/schema.ts';
import { grammarAt } from './schema/schema-walk.ts';

/**
 * The values that references brought in. Those at a place without free text do not count: a port, a mode, a duration, a
 * JSON Pointer.
 */
export function broughtSecrets({ brought }: Pick<ConfigDocument, 'brought'>): readonly string[] {
  return brought
    .filter(({ path }) => {
      const grammar = grammarAt(configSchema, path);
      return grammar !== undefined && grammar !== 'pointer';
    })
    .map(({ text }) => text);
}

/** The values at places that are secret by their name, whether they come from a reference or not. */
export function secretsOf(config: {
  readonly server?: object;
  readonly lookups: object;
  readonly tracing?: object | undefined;
}): readonly string[] {
  const basics = Object.values(config.lookups).map((lookup) => basicCredentials(lookup));
  return [
    ...textsAt(config.server, ['server']),
    ...textsAt(config.lookups, ['lookups']),
    ...textsAt(config.tracing, ['tracing']),
    ...basics.filter((text) => text !== undefined),
    ...Object.values(config.lookups).flatMap((lookup) => proxies(lookup)),
  ];
}

function textsAt(value: unknown, path: Path): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => textsAt(item, [...path, index]));
  if (isMap(value)) return Object.entries(value).flatMap(([key, member]) => textsAt(member, [...path, key]));
  return typeof value === 'string' && isSecretPlace(path) ? [plainText(value)] : [];
}

/** The addresses of proxies, of which the credentials are secret. */
function proxies(lookup: unknown): readonly string[] {
  const all = [valueAt(lookup, ['http', 'proxy']), valueAt(lookup, ['http', 'auth', 'oauth2', 'proxy'])];
  return all.filter((proxy) => typeof proxy === 'string' && proxy.includes('@')) as string[];
}

/** The credentials as `Authorization: Basic …` encodes them (RFC 7617). */
function basicCredentials(lookup: unknown): string | undefined {
  const http = isMap(lookup) ? lookup['http'] : undefined;
  const auth = isMap(http) ? http['auth'] : undefined;
  const basic = isMap(auth) ? auth['basic'] : undefined;
  const oauth2 = isMap(auth) ? auth['oauth2'] : undefined;
  if (isMap(oauth2))
    return oauth2Credentials({ clientId: String(oauth2['clientId']), clientSecret: String(oauth2['clientSecret']) });
  if (!isMap(basic)) return undefined;
  return Buffer.from(`${String(basic['username'])}:${String(basic['password'])}`, 'utf8').toString('base64');
}
