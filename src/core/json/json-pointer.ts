import type { JsonObject, JsonValue } from './json.ts';

/**
 * Splits a JSON Pointer into its unescaped tokens; the empty pointer, which names the whole document, has none.
 * Throws Error if the text is not a pointer. RFC 6901, sections 3 and 4.
 */
export function parsePointer(text: string): readonly string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) {
    throw new Error(
      `a JSON Pointer is empty or starts with "/", but ${JSON.stringify(text)} does not: write ${JSON.stringify(`/${text}`)}`,
    );
  }
  if (/~(?![01])/.test(text)) {
    throw new Error(
      `in a JSON Pointer "~" stands only in "~0" (for "~") and "~1" (for "/"), but ${JSON.stringify(text)} has another one`,
    );
  }
  return text.slice(1).split('/').map(unescapeToken);
}

/** The pointer that `parsePointer` splits into these tokens. RFC 6901, section 3. */
export function formatPointer(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * The value that a pointer names, or undefined if there is none. Reads own properties only, so that no token reaches a
 * prototype; `-` names no element. RFC 6901, section 4.
 */
export function resolvePointer(value: JsonValue, tokens: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = value;
  for (const token of tokens) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = isArray(at) ? at[arrayIndex(token)] : ownMember(at, token);
  }
  return at;
}

/** The index that a token names in an array: digits without a leading zero; -1 for any other token. */
export function arrayIndex(token: string): number {
  return /^(?:0|[1-9][0-9]*)$/.test(token) ? Number(token) : -1;
}

function ownMember(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** `~1` before `~0`, so that `~01` becomes `~1` and not `/`. */
function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
