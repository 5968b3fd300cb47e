import { RequestError } from '../../core/errors.ts';
import { type ContentCoding, contentCodings } from '../../core/vocabulary.ts';
import { codingOf, codingsIn } from '../../wire/coding/coding-names.ts';

/** The codings of a request's body and of its response; undefined: none. */
export interface Codings {
  readonly received: ContentCoding | undefined;
  readonly sent: ContentCoding | undefined;
}

/** The value of `Accept-Encoding` that a response of 415 has (RFC 9110, section 12.5.3). */
export const readCodings = contentCodings.join(', ');

/** The coding of a body with this `Content-Encoding`; undefined: none. Throws `unsupported_encoding`. */
export function bodyCoding(contentEncoding: string | undefined): ContentCoding | undefined {
  const [name, ...others] = codingsIn(contentEncoding ?? '');
  if (name === undefined) return undefined;
  const coding = codingOf(name);
  if (coding !== undefined && others.length === 0) return coding;
  const fault = coding === undefined ? 'which is not supported' : 'but a body may have one coding only';
  const rule = `send the body as one of ${readCodings}, or without a coding`;
  throw new RequestError('unsupported_encoding', `Content-Encoding is ${contentEncoding}, ${fault}; ${rule}`, {
    read: ['identity', ...contentCodings],
  });
}

/**
 * The coding of a response to this `Accept-Encoding` (RFC 9110, section 12.5.3): the offered one with the greatest
 * weight; of equal weights the one that is offered first. Undefined: none, also if the client names none, or prefers none.
 * Throws `not_acceptable` if the client refuses every coding that is offered and a response without one.
 */
export function responseCoding(
  acceptEncoding: string | undefined,
  offered: readonly ContentCoding[],
): ContentCoding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const weights = weightsOf(acceptEncoding);
  const weightOfOthers = weights.get('*') ?? 0;
  const plainWeight = plainWeightOf(weights);
  let best: ContentCoding | undefined;
  let bestWeight = 0;
  for (const coding of offered) {
    const weight = weights.get(coding) ?? weightOfOthers;
    if (weight <= bestWeight) continue;
    best = coding;
    bestWeight = weight;
  }
  if (bestWeight >= (plainWeight ?? 0)) {
    if (best !== undefined || plainWeight !== 0) return best;
    // `identity` is refused, so it is named only if there is no other.
    const given = offered.length === 0 ? ['identity'] : offered;
    const rule = `a response is sent ${offered.length === 0 ? 'without a coding' : `as ${given.join(', ')}`}`;
    throw new RequestError('not_acceptable', `Accept-Encoding is ${acceptEncoding}; ${rule}`, { given });
  }
  return undefined;
}

/** Whether the client refuses a response without a coding. */
export function refusesPlain(acceptEncoding: string | undefined): boolean {
  return acceptEncoding !== undefined && plainWeightOf(weightsOf(acceptEncoding)) === 0;
}

/** Undefined: a response without a coding is accepted, but any other one is preferred. */
function plainWeightOf(weights: ReadonlyMap<string, number>): number | undefined {
  return weights.get('identity') ?? (weights.get('*') === 0 ? 0 : undefined);
}

/** The weight of each coding that is named. A weight that cannot be read is 0. */
function weightsOf(acceptEncoding: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const item of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (name === '') continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const number = weight === undefined ? 1 : Number(/^[01](\.\d{0,3})?$/.test(weight) ? weight : 0);
    weights.set(codingOf(name) ?? name, Math.min(1, number));
  }
  return weights;
}

/**
 * The field `Vary` of a response that may be coded: caches keep one response for each `Accept-Encoding`. `vary`: the
 * value without it.
 */
export function varyField(
  vary: string | undefined,
  offered: readonly ContentCoding[],
): Readonly<Record<string, string>> {
  if (offered.length === 0) return {};
  return { vary: vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding` };
}
