/** The known word that `word` probably means: the one with the fewest edits, at most a third of the letters (or two). */
export function nearest(word: string, knownWords: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const known of knownWords) {
    const edits = editDistance(word.toLowerCase(), known.toLowerCase());
    if (edits >= fewest || edits >= known.length) continue;
    fewest = edits;
    best = known;
  }
  return best;
}

/**
 * The end of a message about an unknown word, and the member `nearest` of its error; both empty if no known word is near.
 *
 *     nearestHint('flight', ['flights'])   { hint: '; did you mean "flights"?', member: { nearest: 'flights' } }
 */
export function nearestHint(
  word: string,
  knownWords: readonly string[],
): { readonly hint: string; readonly member: { readonly nearest?: string } } {
  const meant = nearest(word, knownWords);
  if (meant === undefined) return { hint: '', member: {} };
  return { hint: `; did you mean ${JSON.stringify(meant)}?`, member: { nearest: meant } };
}

/** Insertions, deletions and replacements between two words (Levenshtein), row by row. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
