import { RequestError } from '../core/errors.ts';
import { eventStream, type Framing, jsonSequence, ndjson } from '../wire/lines/framing.ts';
import type { StreamSettings } from '../pipeline/stream-settings.ts';

/** Names under which one JSON value a line goes about; the first is the one that is answered by default. */
export const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;

/** Media types of a stream's body: NDJSON, RFC 7464, and what curl and aiohttp send by default. */
const streamTypes = [
  ...ndjsonTypes,
  'application/json-seq',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
] as const;
const recordType = 'application/json';

/** What a body is: records that stand one after the other, or one that stands alone. */
export type BodyFormat =
  | { readonly kind: 'stream'; readonly delimiter: StreamSettings['delimiter']; readonly framing: Framing }
  | { readonly kind: 'record' };

const lines: BodyFormat = { kind: 'stream', delimiter: 'lf', framing: ndjson };
const sequence: BodyFormat = { kind: 'stream', delimiter: 'rs', framing: jsonSequence };

/** How to read a body by its `Content-Type`; none means NDJSON. Throws `unsupported_media_type`. */
export function bodyFormat(contentType: string | undefined): BodyFormat {
  const [type, ...parameters] = mediaType(contentType ?? '');
  if (parameters.some((parameter) => /^charset=(?!"?utf-?8"?$)/.test(parameter))) {
    throw new RequestError('unsupported_media_type', `the body is read as UTF-8 only, not as ${contentType}`);
  }
  if (type === recordType) return { kind: 'record' };
  if (type === 'application/json-seq') return sequence;
  if (type === '' || streamTypes.some((known) => known === type)) return lines;
  throw unsupportedType(type);
}

export function unsupportedType(given = ''): RequestError {
  const read = [...streamTypes, recordType];
  return new RequestError('unsupported_media_type', `${given} is not read; a body may be ${read.join(', ')}`, { read });
}

/** Refuses a body that is compressed: its bytes would be taken for records. */
export function refuseEncoding(contentEncoding: string | undefined): void {
  const encoding = (contentEncoding ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return;
  throw new RequestError('unsupported_encoding', `Content-Encoding ${encoding} is not read; send the body as it is`, {
    read: ['identity'],
  });
}

/**
 * The framing that the client likes best. Equal weights: the one that it names most precisely, then the one that it
 * names first, then the one of the body. Throws `not_acceptable`.
 */
export function acceptedFraming(accept: string | undefined, ofBody: Framing): Framing {
  const ranges = acceptRanges(accept);
  const offered = [ofBody, ...ndjsonTypes.map((type) => ({ ...ndjson, mediaType: type })), jsonSequence, eventStream];
  const [best] = offered
    .map((framing, place) => ({ framing, place, match: matchOf(framing.mediaType, ranges) }))
    .filter(({ match }) => match.weight > 0)
    .toSorted((one, other) => compareMatches(one.match, other.match) || one.place - other.place);
  if (best !== undefined) return best.framing;
  const given = [...ndjsonTypes, jsonSequence.mediaType, eventStream.mediaType];
  throw new RequestError('not_acceptable', `Accept is ${accept}; a stream is given as ${given.join(', ')}`, { given });
}

/** Refuses a client that will not take JSON as the answer to its one record. Throws `not_acceptable`. */
export function refuseUnlessJson(accept: string | undefined): void {
  if (matchOf(recordType, acceptRanges(accept)).weight > 0) return;
  throw new RequestError('not_acceptable', `Accept is ${accept}; one record is given as ${recordType}`, {
    given: [recordType],
  });
}

interface AcceptRange {
  readonly range: string;
  readonly weight: number;
  readonly place: number;
}

/** How a media type stands with the client: `specificity` is 2 for the type itself, 1 for `type/*`, 0 for any type. */
interface Match {
  readonly weight: number;
  readonly specificity: number;
  readonly place: number;
}

const anything: AcceptRange = { range: '*/*', weight: 1, place: 0 };
const noMatch: Match = { weight: 0, specificity: -1, place: 0 };

/** The ranges of an `Accept`; without one the client takes anything. */
function acceptRanges(accept: string | undefined): readonly AcceptRange[] {
  if (accept === undefined || accept.trim() === '') return [anything];
  return accept.split(',').map((item, place) => {
    const [range = '', ...parameters] = mediaType(item);
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)), place };
  });
}

/** The most specific range that a media type falls into gives its weight (RFC 9110, section 12.5.1). */
function matchOf(type: string, ranges: readonly AcceptRange[]): Match {
  const names = ['*/*', `${type.slice(0, type.indexOf('/'))}/*`, type];
  return ranges
    .map(({ range, weight, place }): Match => ({ weight, place, specificity: names.indexOf(range) }))
    .reduce((best, match) => (match.specificity > best.specificity ? match : best), noMatch);
}

function compareMatches(one: Match, other: Match): number {
  return other.weight - one.weight || other.specificity - one.specificity || one.place - other.place;
}

function mediaType(text: string): readonly string[] {
  return text.split(';').map((part) => part.trim().toLowerCase());
}
