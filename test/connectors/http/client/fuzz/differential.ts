import { differences, isAlike } from './differences.ts';
import { seeded } from '../../../../../bench/random.ts';
import { mutant } from './mutants.ts';
import { askOracle } from './oracle.ts';
import { readPieces } from '../read-answer.ts';

export interface DifferentialResult {
  /** Mutants that both clients take, with the same status, the same body and the same fate of the connection. */
  readonly taken: number;
  /** Mutants that both refuse. */
  readonly refused: number;
  /** Mutants that they take in different ways, by the name of the difference. */
  readonly different: Readonly<Record<string, number>>;
  /** Mutants whose difference has no name. */
  readonly unexplained: readonly { readonly text: string; readonly ours: object; readonly theirs: object }[];
}

/** Compares the parser with undici on `count` mutants of answers, which `seed` determines. */
export async function compareWithUndici(seed: number, count: number): Promise<DifferentialResult> {
  const random = seeded(seed);
  const different: Record<string, number> = {};
  const unexplained: { text: string; ours: object; theirs: object }[] = [];
  let taken = 0;
  let refused = 0;
  for (let number = 0; number < count; number += 1) {
    const { text, pieces } = mutant(random);
    const ours = readPieces(pieces);
    // oxlint-disable-next-line no-await-in-loop
    const theirs = await askOracle(pieces);
    if (isAlike(ours, theirs)) {
      if (ours.whole) taken += 1;
      else refused += 1;
      continue;
    }
    const name = differences.find(({ holds }) => holds(ours, theirs, text))?.name;
    if (name === undefined) unexplained.push({ text, ours, theirs });
    else different[name] = (different[name] ?? 0) + 1;
  }
  return { taken, refused, different, unexplained };
}
