import { RE2JS } from 're2js';
import { array, assert, constantFrom, property } from 'fast-check';
import { expect, it, test } from 'vitest';
import { instructionsAtMost } from '../../../src/cel/functions/pattern.ts';

test.each([
  String.raw`^\d{5}-[a-z]{2,100}$`,
  'a{1000}b{0,1000}',
  '((a|b){30}){30}c',
  String.raw`(a{30}\Q(\E){33}`,
  '(a{30}[](]){33}',
  String.raw`(a{30}[\](]){33}`,
  '(x{30}[])]y{30}){33}',
  String.raw`\x{41}{20}`,
  '(?i)(?P<name>[[:alpha:]]{3}){5}',
  'a{9,20}(?i){9,20}',
  '(a{30})*(?i){30}',
  '(a{30})(?i)+(?s-i){30}',
])('%s compiles to at most as many instructions as are counted for it', (source) => {
  expect(RE2JS.compile(source).programSize()).toBeLessThanOrEqual(2 * instructionsAtMost(source) + 10);
});

it('no pattern compiles to more instructions than the steps that are spent for it', () => {
  const piece = constantFrom(
    'a',
    '(',
    ')',
    '[',
    ']',
    '[^',
    '\\',
    '{2}',
    '{9,20}',
    '{3,}',
    '|',
    '*',
    '?',
    '+',
    '.',
    'é',
    '\\pL',
    '\\Q',
    '\\E',
    '(?:',
    '(?i)',
    '^',
    '$',
  );
  assert(
    property(array(piece, { maxLength: 20 }), (pieces) => {
      const source = pieces.join('');
      let size: number;
      try {
        size = RE2JS.compile(source).programSize();
      } catch {
        return;
      }
      expect(size).toBeLessThanOrEqual(2 * instructionsAtMost(source) + 10);
    }),
    { numRuns: 3000 },
  );
});
