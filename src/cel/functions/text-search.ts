import type { Frame } from '../frame.ts';

/** V8's own search can take the product of both lengths; up to this length of the needle it is fast enough. */
const shortNeedle = 64;

/** Steps for each occurrence. */
const stepsPerFind = 6;

/** The first index at or after `from` at which `text` has `needle`, or -1. */
export function indexIn(text: string, needle: string, from: number, frame: Frame): number {
  spendSearch(text.length - from, needle.length, frame);
  return search(text, needle, from);
}

/** The indexes at which `text` has `needle`, which is not empty, without overlaps; at most `limit` of them. */
export function indexesIn(text: string, needle: string, limit: number, frame: Frame): readonly number[] {
  spendSearch(text.length, needle.length, frame);
  const found: number[] = [];
  let at = -1;
  for (let from = 0; found.length < limit; from = at + needle.length) {
    at = search(text, needle, from);
    if (at < 0) break;
    frame.spend(stepsPerFind);
    found.push(at);
  }
  return found;
}

function spendSearch(length: number, needleLength: number, frame: Frame): void {
  if (needleLength <= shortNeedle) frame.spendPass(Math.max(0, length) * Math.max(1, needleLength / 4));
  else frame.spend(1 + (Math.max(0, length) + needleLength) / 2);
}

function search(text: string, needle: string, from: number): number {
  return needle.length <= shortNeedle ? text.indexOf(needle, from) : linearSearch(text, needle, from);
}

/** Knuth, Morris and Pratt: time linear in both lengths, for any text. */
function linearSearch(text: string, needle: string, from: number): number {
  if (needle.length > text.length - from) return -1;
  const borders = bordersOf(needle);
  let matched = 0;
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && needle.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
    if (needle.charCodeAt(matched) === unit) matched += 1;
    if (matched === needle.length) return at - matched + 1;
  }
  return -1;
}

/** For each prefix of the needle the length of its longest proper prefix that is also its suffix. */
function bordersOf(needle: string): Int32Array {
  const borders = new Int32Array(needle.length);
  let length = 0;
  for (let at = 1; at < needle.length; at += 1) {
    while (length > 0 && needle.charCodeAt(at) !== needle.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (needle.charCodeAt(at) === needle.charCodeAt(length)) length += 1;
    borders[at] = length;
  }
  return borders;
}
