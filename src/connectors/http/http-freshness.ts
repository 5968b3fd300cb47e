import type { KnownAnswer, LifetimeFields } from '../../core/call/known-answer.ts';
import { wallClockMs } from '../../core/time/time.ts';
import type { Freshness } from '../../lookup/lookup.ts';
import type { CachingFields } from './client/answer-head.ts';
import { httpDateMs } from './http-date.ts';

/** Of an answer that is never confirmed nothing is kept. */
const unconfirmed: LifetimeFields = {};
/** Of an answer that must not be stored: no other field matters. */
const unstored: Freshness = {
  store: false,
  freshMs: undefined,
  staleWhileRevalidateMs: undefined,
  staleIfErrorMs: undefined,
  validators: [],
  lifetime: unconfirmed,
};
const directive = /([^\s,=;]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,]*)))?/g;

/**
 * What the header of an answer says about storing it, for a cache that many records share (RFC 9111; RFC 5861 for old
 * answers). `delayMs`: the time that the call took. `known`: the answer that this one, a 304, confirms. Its validators, its
 * `Cache-Control` and its `Expires` stay as far as the 304 has none (RFC 9111, 4.3.4).
 *
 * An answer with `Vary` is not stored: the key of the cache is the arguments, not the headers of a request. `Vary:
 * Accept-Encoding` does not count: whatever its coding, an answer is stored decoded.
 */
export function freshnessOf(own: CachingFields, delayMs: number, known: KnownAnswer | undefined): Freshness {
  const fields = known === undefined ? own : { ...known.lifetime, ...own };
  const directives = directivesOf(fields['cache-control'] ?? '');
  if (directives.has('no-store') || directives.has('private') || varies(fields.vary)) return unstored;
  const named = validatorsOf(fields);
  const validators = named.length === 0 && known !== undefined ? known.validators : named;
  const noCache = directives.has('no-cache');
  const shared = directives.has('s-maxage');
  const lifetimeMs = noCache ? 0 : (secondsOf(directives, shared ? 's-maxage' : 'max-age') ?? expiresMs(fields));
  const mustRevalidate = noCache || shared || directives.has('must-revalidate') || directives.has('proxy-revalidate');
  return {
    // Without a validator an answer that is never fresh is of no use.
    store: !(noCache && validators.length === 0),
    freshMs: lifetimeMs === undefined ? undefined : Math.max(0, lifetimeMs - ageMs(fields, delayMs)),
    staleWhileRevalidateMs: mustRevalidate ? 0 : secondsOf(directives, 'stale-while-revalidate'),
    staleIfErrorMs: mustRevalidate ? 0 : secondsOf(directives, 'stale-if-error'),
    validators,
    lifetime: validators.length === 0 ? unconfirmed : lifetimeOf(fields),
  };
}

function varies(vary: string | undefined): boolean {
  if (vary === undefined) return false;
  return vary.split(',').some((name) => !['', 'accept-encoding'].includes(name.trim().toLowerCase()));
}

/** Those of the last header: most answers of a server have the same one. */
let last: { readonly header: string; readonly directives: ReadonlyMap<string, string> } = {
  header: '',
  directives: new Map(),
};

function directivesOf(header: string): ReadonlyMap<string, string> {
  if (header !== last.header) last = { header, directives: parsed(header) };
  return last.directives;
}

/** Names in lower case. Of a name that occurs twice the first counts. */
function parsed(header: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const [, name = '', quoted, plain] of header.matchAll(directive)) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, quoted ?? plain ?? '');
  }
  return directives;
}

/** In milliseconds; 0 if it is no number, so that the answer is not used for long by mistake. */
function secondsOf(directives: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  return /^\d{1,15}$/.test(value) ? Number(value) * 1000 : 0;
}

/** A date that cannot be read, such as `0`, is in the past. */
function expiresMs({ expires, date }: CachingFields): number | undefined {
  if (expires === undefined) return undefined;
  const until = httpDateMs(expires);
  if (until === undefined) return 0;
  return Math.max(0, until - ((date === undefined ? undefined : httpDateMs(date)) ?? wallClockMs()));
}

/** The age of the answer at its arrival: of other caches, or by its date (RFC 9111, 4.2.3). */
function ageMs({ age, date }: CachingFields, delayMs: number): number {
  const stated = age !== undefined && /^\d{1,15}$/.test(age) ? Number(age) * 1000 : 0;
  const sent = date === undefined ? undefined : httpDateMs(date);
  // A date has whole seconds: the second in which it was written is no age.
  const apparent = sent === undefined ? 0 : wallClockMs() - sent - 1000;
  return Math.max(0, apparent, stated + delayMs);
}

function lifetimeOf({ 'cache-control': control, expires }: CachingFields): LifetimeFields {
  return {
    ...(control === undefined ? {} : { 'cache-control': control }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function validatorsOf({ etag, 'last-modified': modified }: CachingFields): readonly string[] {
  return [
    ...(etag === undefined ? [] : ['if-none-match', etag]),
    ...(modified === undefined ? [] : ['if-modified-since', modified]),
  ];
}
