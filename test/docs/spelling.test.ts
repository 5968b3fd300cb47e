import { expect, test } from 'vitest';
import { allPages, proseOf } from './pages.ts';

/** American spellings. The pages are written in British English. Keys and code, which are between backticks, may differ. */
const american =
  /\b(?:(?:behavi|col|fav|hon|lab|neighb)or(?!ador)\w*|cent(?:er|ers|ered)|gray|catalog|dialog|(?:cancel|label|model|signal|travel)(?:ed|ing)|fulfill|defense)\b/gi;

test('the pages have British spelling', () => {
  const found = [...allPages].flatMap(([name, text]) =>
    Array.from(
      proseOf(text)
        .replaceAll(/`[^`\n]*`|\]\([^)]*\)/g, '')
        .matchAll(american),
      ([word]) => `${name}: ${word}`,
    ),
  );
  expect(found).toEqual([]);
});
