import { hidden } from '../core/reference-text.ts';
import { isMap, type Path } from './path.ts';
import { isSecretPlace } from './redact.ts';

/** A shorter secret would be found in words that have nothing to do with it. */
const leastCharacters = 4;
/** Of a header such as `Bearer …` the second word alone is the secret. */
const leastOfAWord = 8;

const userOfUrl = /(?<=:\/\/)[^/?#@\s]+(?=@)/g;
const secretOfQuery = /(?<=[?&][^=&#\s]*(?:auth|passw|secret|token|credential|api[-_]?key)[^=&#\s]*=)[^&#\s]+/gi;
const authorization = /(?<=\b(?:bearer|basic) )[\w.~+/=-]{16,}/gi;

/**
 * Makes of a message one that whoever operates the service may see: `***` stands for what the configuration holds at a
 * place that sounds like a secret, for user and password in a URL, and for what looks like a token.
 */
export class SecretHider {
  /** Longest first: a part of another one would leave the rest of it to be seen. */
  #secrets: readonly string[] = [];

  /** Hides the secrets of this configuration as well. Those of an earlier one may still stand in what was kept. */
  learn(config: { readonly lookups: object }): void {
    const all = new Set([...this.#secrets, ...secretsOf(config.lookups, ['lookups'])]);
    this.#secrets = [...all].toSorted((a, b) => b.length - a.length);
  }

  hide(message: string): string {
    const text = this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, () => hidden), message);
    return text.replaceAll(userOfUrl, hidden).replaceAll(secretOfQuery, hidden).replaceAll(authorization, hidden);
  }
}

function secretsOf(value: unknown, path: Path): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => secretsOf(item, [...path, index]));
  if (isMap(value)) return Object.entries(value).flatMap(([key, member]) => secretsOf(member, [...path, key]));
  if (typeof value !== 'string' || !isSecretPlace(path) || value.length < leastCharacters) return [];
  return [value, ...value.split(/\s+/).filter((word) => word.length >= leastOfAWord)];
}
