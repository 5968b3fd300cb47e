import type { MissPolicy } from '../../wire/json/line-adder.ts';
import type { Plan } from '../steps/plan.ts';
import type { StepAdditions } from '../steps/step-additions.ts';
import type { EntryReader } from './entry-reader.ts';
import type { JoinedOutput } from './joined-output.ts';
import type { Tally } from './tally.ts';

/** A shorter block gains nothing: its lines are read as records, whose output is joined with that of other chunks. */
const leastBytes = 1024;
/** If fewer bytes of a block than this share gain by it, the next blocks are left to the records. */
const leastShare = 0.5;
/** The most blocks that are left, 64 KiB each, before the next one is tried. */
const mostBlocksLeft = 64;

const missPolicies: Readonly<Record<Plan['settings']['onMiss'], MissPolicy>> = {
  null: 'add',
  omit: 'omit',
  drop: 'leave',
  error: 'leave',
};

/**
 * Enriches whole lines of a stream in WebAssembly, without a record for each of them. A line that needs a record is left to
 * the reader; everything that can be observed is as if each line had been a record.
 *
 *     block   [ line line line line | line | line line line … ]
 *                 `- output            `- EntryReader.next, then `pass` goes on behind it
 */
export class BlockEnricher {
  readonly #additions: StepAdditions;
  readonly #policy: MissPolicy;
  readonly #reader: EntryReader;
  readonly #output: JoinedOutput;
  readonly #tally: Tally;
  /** Blocks that are left to the records. */
  #blocksLeft = 0;
  #nextBlocksLeft = 1;
  #block: Buffer | undefined;
  /** Its length is 0 as soon as its memory is freed. */
  #blockBytes = 0;
  #gainingBytes = 0;

  constructor({ settings }: Plan, additions: StepAdditions, reader: EntryReader, output: JoinedOutput, tally: Tally) {
    this.#additions = additions;
    this.#policy = missPolicies[settings.onMiss];
    this.#reader = reader;
    this.#output = output;
    this.#tally = tally;
  }

  /** Writes the lines that come next, as long as `mayPass` is true, until there is none or one needs a record. */
  pass(mayPass: () => boolean): void {
    let passes = true;
    while (passes && mayPass()) passes = this.#passSome();
  }

  /** False if there is no block, or if its next line needs a record. */
  #passSome(): boolean {
    const { block, blockIndex } = this.#reader;
    if (block === undefined || block.length - blockIndex < leastBytes) return false;
    if (block !== this.#block && !this.#begins(block)) return false;
    const { adder, steps } = this.#additions;
    const added = adder.add(block, blockIndex, this.#policy, this.#output.takeText());
    const { lines, missed, kept, end, leftEnd } = added;
    // A line with a new text costs more than a record.
    if (lines > kept) this.#gainingBytes += ((end - blockIndex) * (lines - kept)) / lines;
    this.#reader.skip(end, lines, leftEnd);
    if (lines > 0) {
      this.#tally.passed(lines, missed);
      for (const [index, step] of steps.entries()) step.answered(lines, adder.misses(index));
    }
    this.#output.bytes(added.output);
    return leftEnd === end;
  }

  /** A new block comes next; false if it is left. */
  #begins(block: Buffer): boolean {
    if (this.#block !== undefined) this.#judge();
    this.#block = undefined;
    if (this.#blocksLeft > 0) {
      this.#blocksLeft -= 1;
      this.#reader.skip(0, 0, block.length);
      return false;
    }
    this.#block = block;
    this.#blockBytes = block.length;
    this.#gainingBytes = 0;
    return true;
  }

  #judge(): void {
    if (this.#gainingBytes >= leastShare * this.#blockBytes) {
      this.#nextBlocksLeft = 1;
    } else {
      this.#blocksLeft = this.#nextBlocksLeft;
      this.#nextBlocksLeft = Math.min(2 * this.#nextBlocksLeft, mostBlocksLeft);
    }
  }
}

/** Undefined if the lines of a stream need records. */
export function blockEnricher(
  plan: Plan,
  reader: EntryReader,
  output: JoinedOutput,
  tally: Tally,
): BlockEnricher | undefined {
  const { additions, settings } = plan;
  const { mode, control, meta, explode, framing, delimiter, rate } = settings;
  const isPlain = framing.prefix === '' && framing.suffix === '\n' && !framing.crEndsLine && delimiter === 'lf';
  if (additions === undefined || mode === 'keyed' || !isPlain) return undefined;
  if (control !== undefined || meta.length > 0 || explode || rate !== undefined) return undefined;
  return new BlockEnricher(plan, additions, reader, output, tally);
}
