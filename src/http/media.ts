import { RequestError } from '../core/errors.ts';
import { eventStream, type Framing, jsonSequence, ndjson } from '../wire/lines/framing.ts';
import type { StreamSettings } from '../pipeline/stream-settings.ts';

/** Media types for one JSON value a line. The first one is the default of a response. */
export const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'] as const;

/** Media types of a stream's body: NDJSON, RFC 7464, and what curl and aiohttp send by default. */
const streamTypes = [
  ...ndjsonTypes,
  'application/json-seq',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
] as const;
const recordType = 'application/json';

/** What a body is: a stream of records, or one record. */
export type BodyFormat =
  | { readonly kind: 'stream'; readonly delimiter: StreamSettings['delimiter']; readonly framing: Framing }
  | { readonly kind: 'record' };

const lines: BodyFormat = { kind: 'stream', delimiter: 'lf', framing: ndjson };
const sequence: BodyFormat = { kind: 'stream', delimiter: 'rs', framing: jsonSequence };

/** The format of a body with this `Content-Type`; NDJSON without one. Throws `unsupported_media_type`. */
export function bodyFormat(contentType: string | undefined): BodyFormat {
  const [type = '', ...parameters] = mediaType(contentType ?? '');
  if (parameters.some((parameter) => /^charset=(?!"?utf-?8"?$)/.test(parameter))) {
    throw new RequestError('unsupported_media_type', `Content-Type is ${contentType}; a body is read as UTF-8 only`);
  }
  if (type === recordType) return { kind: 'record' };
  if (type === 'application/json-seq') return sequence;
  if (type === '' || streamTypes.some((known) => known === type)) return lines;
  throw unsupportedType(type);
}

/** `refused` is the media type, or the words for it in the message. */
export function unsupportedType(refused: string): RequestError {
  const read = [...streamTypes, recordType];
  return new RequestError('unsupported_media_type', `${refused} is not supported; send one of ${read.join(', ')}`, {
    read,
  });
}

/**
 * The framing with the greatest weight in `Accept`. Of equal weights, the most specific range wins, then the range that
 * comes first, then the framing of the body. Throws `not_acceptable`.
 */
export function acceptedFraming(accept: string | undefined, ofBody: Framing): Framing {
  const ranges = acceptRanges(accept);
  const offered = [ofBody, ...ndjsonTypes.map((type) => ({ ...ndjson, mediaType: type })), jsonSequence, eventStream];
  const [best] = offered
    .map((framing, place) => ({ framing, place, match: matchOf(framing.mediaType, ranges) }))
    .filter(({ match }) => match.weight > 0)
    .toSorted((one, other) => compareMatches(one.match, other.match) || one.place - other.place);
  if (best !== undefined) return best.framing;
  const types = [...ndjsonTypes, jsonSequence.mediaType, eventStream.mediaType];
  const rule = `a stream is answered as ${types.join(', ')}`;
  throw new RequestError('not_acceptable', `Accept is ${accept}; ${rule}`, { given: types });
}

/** Refuses a request of one record whose `Accept` excludes JSON. Throws `not_acceptable`. */
export function refuseUnlessJson(accept: string | undefined): void {
  if (matchOf(recordType, acceptRanges(accept)).weight > 0) return;
  throw new RequestError('not_acceptable', `Accept is ${accept}; one record is answered as ${recordType}`, {
    given: [recordType],
  });
}

interface AcceptRange {
  readonly range: string;
  readonly weight: number;
  readonly place: number;
}

/** The range of `Accept` that a media type falls into: `specificity` is 2 for the type itself, 1 for `type/*`, 0 for any type. */
interface Match {
  readonly weight: number;
  readonly specificity: number;
  readonly place: number;
}

const anything: AcceptRange = { range: '*/*', weight: 1, place: 0 };
const noMatch: Match = { weight: 0, specificity: -1, place: 0 };

/** The ranges of an `Accept`; without `Accept`, one range that holds any type. */
function acceptRanges(accept: string | undefined): readonly AcceptRange[] {
  if (accept === undefined || accept.trim() === '') return [anything];
  return accept.split(',').map((item, place) => {
    const [range = '', ...parameters] = mediaType(item);
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { range, weight: weight === undefined ? 1 : Number(weight.slice(2)), place };
  });
}

/** The most specific range that holds a media type gives its weight (RFC 9110, section 12.5.1). */
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
