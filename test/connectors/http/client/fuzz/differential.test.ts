import { expect, test } from 'vitest';
import { compareWithUndici } from './differential.ts';

test('answers that were changed at random are taken as undici takes them, but for the differences that have a name', async () => {
  const { taken, refused, different, unexplained } = await compareWithUndici(42, 3000);
  expect(unexplained).toEqual([]);
  // Enough of them are whole answers, so that the comparison says something of both sides.
  expect(taken).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(1000);
  expect({ taken, refused, different }).toMatchInlineSnapshot(`
    {
      "different": {
        "closed: bytes behind an answer": 31,
        "kept: an answer without a body, whatever its fields say of one": 10,
        "refused: a control character": 6,
        "refused: a tab in the transfer coding": 6,
        "refused: a transfer coding other than chunked": 17,
        "refused: another version": 69,
        "refused: chunks in HTTP/1.0": 5,
        "refused: two transfer codings": 4,
        "taken: a folded field": 6,
        "taken: a length with white space, twice, or of an answer without a body": 21,
        "taken: an answer after which, or after whose interim answer, the connection closes": 4,
      },
      "refused": 1343,
      "taken": 1478,
    }
  `);
});
