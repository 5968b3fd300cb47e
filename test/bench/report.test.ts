import { expect, test } from 'vitest';
import { spreadOf, type Section } from '../../bench/figures.ts';
import { markdown, reportOf } from '../../bench/report.ts';

test('a row shows its figure, its spread, its control and the verdict on its target', () => {
  const section: Section = {
    id: 'x',
    title: 'A title',
    rows: [
      {
        what: 'CPU: one ÷ other',
        value: spreadOf([0.7, 0.6, 0.8]),
        unit: '×',
        target: { atMost: 0.75 },
        control: { value: spreadOf([1, 0.9, 1.1]), unit: '×' },
      },
      { what: 'one', value: spreadOf([1234.5]), unit: 'records/s' },
    ],
    notes: ['a note'],
  };
  const text = markdown(reportOf([section], false, 42));
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  expect(cells[0]).toEqual(['what', 'figure', 'spread', 'control', 'target', '']);
  expect(cells[2]).toEqual(['CPU: one ÷ other', '0.7 ×', '0.6 – 0.8', '1 × (0.9 – 1.1)', '≤ 0.75', 'met']);
  expect(cells[3]).toEqual(['one', '1,230 records/s', '1,230 – 1,230', '', '', '']);
  expect(text).toContain('seed 42');
  expect(text).toContain('- a note');
});
