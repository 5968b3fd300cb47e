import type { Finding } from '../../core/finding.ts';
import { nearest } from '../../core/nearest.ts';

/** Each name in `allow.tokens` of a pipeline is that of a token of the listener for clients. */
export function checkTokens(
  tokens: readonly unknown[],
  pipeline: string,
  names: readonly string[],
): readonly Finding[] {
  return tokens.flatMap((token, index): readonly Finding[] => {
    if (typeof token !== 'string' || names.includes(token)) return [];
    const path = ['pipelines', pipeline, 'allow', 'tokens', index];
    const unknown = `unknown token ${JSON.stringify(token)}`;
    if (names.length === 0) return [{ path, message: `${unknown}; server.auth.bearerTokens has no token with a name` }];
    const known = `tokens: ${names.join(', ')}`;
    const meant = nearest(token, names);
    if (meant === undefined) return [{ path, message: `${unknown}; ${known}` }];
    return [{ path, message: `${unknown}; did you mean ${JSON.stringify(meant)}? (${known})`, nearest: meant }];
  });
}
