import { hidden } from './reference-text.ts';
import { secretParameter } from './secret-names.ts';

/** A shorter value is part of many other words. It is hidden at its own place only. */
const leastCharacters = 4;
/** A value of this length or more is hidden inside a word as well; a shorter one only if it is a whole word. */
const leastWithinWords = 8;
/** Values that are kept, newest first. Values of an earlier configuration may still be in stored texts. */
const mostValues = 2000;
/** Access tokens that are kept, newest first. They are replaced again and again, so they take no place of other values. */
const mostTokens = 64;

/** Texts that are secret because of their form, in plain text and in strings of JSON. */
const forms: readonly (readonly [secret: RegExp, shown: string])[] = [
  // The user and the password of an address.
  [/(?<=:\/\/)(?:[^/?#@\s"\\]|\\[^n])+(?=@)/g, hidden],
  // A parameter of a query whose name says that it is secret.
  [new RegExp(String.raw`(?<=[?&][^=&#\s"\\]*(?:${secretParameter})[^=&#\s"\\]*=)[^&#\s"\\]+`, 'gi'), hidden],
  // Credentials of a header, but not the words "Basic authentication".
  [/\b(Bearer|Basic) (?=[A-Za-z]*[\d+/=._~-])[\w+/=.~-]+/gi, `$1 ${hidden}`],
];

const userOfUrl = /(?<=:\/\/)[^/?#@\s]+(?=@)/g;
const secretOfQuery = new RegExp(`(?<=[?&][^=&#]*(?:${secretParameter})[^=&#]*=)[^&#]+`, 'gi');

/** An address without its user and password, and without the secret parameters of its query. */
export function withoutUrlSecrets(text: string): string {
  return text.replaceAll(userOfUrl, hidden).replaceAll(secretOfQuery, hidden);
}

/**
 * The values that are hidden in texts: errors of records, problems, logs, traces, `/state`, messages of `check`.
 *
 * A value is found unchanged, percent-encoded, encoded as in a form, escaped for JSON or XML, and in Base64. Scheme, host
 * and port of an address (`https://crm.example/v1?x`) are not secret. A value of 1 to 3 characters is hidden at its own
 * place only: `1` is in every text.
 */
export class Secrets {
  readonly #values = new Set<string>();
  readonly #tokens = new Set<string>();
  #found: RegExp | undefined;
  #foundInJson: RegExp | undefined;
  #spellings: readonly string[] = [];

  /** Hides these values as well. */
  learn(values: Iterable<string>): void {
    addNewest(
      this.#values,
      [...values].flatMap((each) => partsOf(each)),
      mostValues,
    );
    this.#search();
  }

  /** Hides an access token as well, which another one replaces after a while. */
  learnToken(token: string): void {
    addNewest(this.#tokens, partsOf(token), mostTokens);
    this.#search();
  }

  #search(): void {
    this.#spellings = [...new Set([...this.#values, ...this.#tokens].flatMap((value) => spellingsOf(value)))];
    this.#found = anyOf(this.#spellings);
    this.#foundInJson = anyOf([...new Set(this.#spellings.map((text) => inJson(text)))]);
  }

  /** The text with `***` instead of every secret. */
  hide(text: string): string {
    const known = this.#found === undefined ? text : text.replaceAll(this.#found, hidden);
    return withoutForms(known.includes('…') ? this.#withoutBeginnings(known) : known);
  }

  /** Like `hide`, for JSON: only in strings, and not in names of members, so that the text stays JSON. */
  hideInJson(json: string): string {
    const found = this.#foundInJson;
    if (found === undefined) return withoutForms(json);
    return withoutForms(
      json.replaceAll(stringOfJson, (text, inside: string | undefined) =>
        inside === undefined ? text : `"${inside.replaceAll(found, hidden)}"`,
      ),
    );
  }

  /** A message that was cut may end with the first part of a secret: `"k3y-of…`. */
  #withoutBeginnings(text: string): string {
    return text
      .split('…')
      .map((part, place, parts) => (place < parts.length - 1 ? this.#withoutBeginning(part) : part))
      .join('…');
  }

  #withoutBeginning(text: string): string {
    let longest = 0;
    for (const spelling of this.#spellings) {
      for (
        let length = Math.min(spelling.length, text.length);
        length > Math.max(longest, leastCharacters - 1);
        length -= 1
      ) {
        if (text.endsWith(spelling.slice(0, length))) longest = length;
      }
    }
    return longest === 0 ? text : text.slice(0, -longest) + hidden;
  }
}

/** The name of a member, or any other string with its content. */
const stringOfJson = /"(?:[^"\\]|\\.)*"\s*:|"((?:[^"\\]|\\.)*)"/g;

function withoutForms(text: string): string {
  return forms.reduce((shown, [secret, replacement]) => shown.replaceAll(secret, replacement), text);
}

function addNewest(known: Set<string>, values: readonly string[], most: number): void {
  for (const value of values) {
    known.delete(value);
    known.add(value);
  }
  const [...all] = known;
  for (const old of all.slice(0, Math.max(0, all.length - most))) known.delete(old);
}

/** A value, and the words of a value such as `Bearer …`. */
function partsOf(value: string): readonly string[] {
  const [authority = ''] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(value) ?? [];
  const credentials = authority === '' ? [] : credentialsIn(authority);
  const secret = value.slice(authority.length).trim();
  const words = secret.split(/\s+/).filter((word) => word.length >= leastWithinWords);
  return [secret, ...words, ...credentials].filter((part) => part.length >= leastCharacters);
}

/**
 * The password of an address, or its user if it has no password, as they are written and as they are meant; and both as
 * `Basic` sends them. A user with a password is often a usual word.
 */
function credentialsIn(authority: string): readonly string[] {
  const end = authority.lastIndexOf('@');
  if (end < 0) return [];
  const written = authority.slice(authority.indexOf('//') + 2, end);
  const [user = '', ...others] = written.split(':');
  const password = others.join(':');
  const both = `${decoded(user)}:${decoded(password)}`;
  const secret = password === '' ? user : password;
  return [secret, decoded(secret), Buffer.from(both, 'utf8').toString('base64')];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function spellingsOf(value: string): readonly string[] {
  const wellFormed = value.toWellFormed();
  const percent = [
    encodeURIComponent(wellFormed),
    encodeURI(wellFormed),
    new URLSearchParams({ v: value }).toString().slice(2),
  ];
  const lowerCase = percent.map((text) => text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()));
  const bytes = Buffer.from(value, 'utf8');
  const base64 =
    value.length < leastWithinWords ? [] : [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  return [value, ...percent, ...lowerCase, inJson(value), inXml(value), ...base64];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function inXml(text: string): string {
  const entities = new Map([
    ['&', '&amp;'],
    ['<', '&lt;'],
    ['>', '&gt;'],
    ['"', '&quot;'],
    ["'", '&#39;'],
  ]);
  return text.replaceAll(/[&<>"']/g, (character) => entities.get(character) ?? character);
}

/** Longest first: if a shorter text were replaced first, the remaining part of a longer one would stay visible. */
function anyOf(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const sources = texts.toSorted((a, b) => b.length - a.length).map((text) => sourceOf(text));
  return new RegExp(sources.join('|'), 'g');
}

function sourceOf(text: string): string {
  const source = text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  return text.length < leastWithinWords ? `(?<![A-Za-z0-9])${source}(?![A-Za-z0-9])` : source;
}
