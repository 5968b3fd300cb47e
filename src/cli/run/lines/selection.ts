import { isControlLine } from '../../../wire/control.ts';
import { type Block, type Lines, lineEnd, lineKinds, lineStarts } from './block.ts';

export interface SelectionOptions {
  /** The most records that are chosen. */
  readonly limit: number;
  /** The share of the records that is chosen, more than 0 and at most 1. */
  readonly rate: number;
  readonly seed: number;
  /** Whether `$` lines of the input are control lines. They are always sent, and are no records. */
  readonly control: boolean;
}

/**
 * Numbers the lines of all inputs, and chooses records: each by a hash of its number, so that a run that starts again
 * chooses the same ones.
 */
export class Selection {
  readonly #options: SelectionOptions;
  #seq: number;
  #records: number;

  /** Starts at line `seq`, with `records` records before it. */
  constructor(options: SelectionOptions, seq: number, records: number) {
    this.#options = options;
    this.#seq = seq;
    this.#records = records;
  }

  /** All records that may be chosen are chosen. */
  get complete(): boolean {
    return this.#records >= this.#options.limit;
  }

  /** The block ends with the last record that is chosen. */
  block({ bytes, input, offset, end }: Lines): Block {
    const firstSeq = this.#seq;
    const recordsBefore = this.#records;
    const starts = lineStarts(bytes);
    const kinds = new Uint8Array(starts.length);
    let lines = 0;
    while (lines < starts.length && !this.complete) {
      kinds[lines] = this.#kind(bytes, starts[lines] ?? 0, lineEnd({ bytes, starts }, lines), firstSeq + lines);
      if (kinds[lines] === lineKinds.record) this.#records += 1;
      lines += 1;
    }
    this.#seq += lines;
    const cut = starts[lines];
    return {
      bytes: cut === undefined ? bytes : bytes.subarray(0, cut),
      input,
      offset,
      end: cut === undefined ? end : offset + cut,
      firstSeq,
      starts: cut === undefined ? starts : starts.slice(0, lines),
      kinds: kinds.subarray(0, lines),
      recordsBefore,
      records: this.#records - recordsBefore,
    };
  }

  #kind(bytes: Buffer, start: number, end: number, seq: number): number {
    const { control, rate, seed } = this.#options;
    if (isBlank(bytes, start, end)) return lineKinds.other;
    if (control && isControlLine(bytes.toString('latin1', start, end))) return lineKinds.other;
    return rate === 1 || share(seq, seed) < rate ? lineKinds.record : lineKinds.blank;
  }
}

/** Space, tab, CR and LF only. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return false;
  }
  return true;
}

/** A number from 0 to 1 for a line: the finalizer of MurmurHash3 over its number and the seed. */
function share(seq: number, seed: number): number {
  const low = mixed((seq >>> 0) ^ mixed(seed >>> 0));
  const high = mixed(low ^ Math.floor(seq / 2 ** 32));
  return high / 2 ** 32;
}

function mixed(value: number): number {
  let hash = value + 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
