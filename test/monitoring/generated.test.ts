import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generated } from '../../scripts/dashboards/generated.ts';
import { root } from '../docs/pages.ts';
import { boards } from './boards.ts';

test.each([...generated()])('%s is what its code generates (npm run dashboards)', (path, text) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(text);
});

test('the chart has no other dashboards or alerts', () => {
  const files = globSync('helm/millrace/{dashboards,alerts}/*', { cwd: root });
  expect(files.toSorted()).toEqual([...generated().keys()].toSorted());
});

test.each(boards)('the panels of $title fill rows of 24 columns, and each has a description', ({ panels }) => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const widths = new Map<number, number>();
  for (const { gridPos } of panels) {
    widths.set(gridPos.y, (widths.get(gridPos.y) ?? 0) + gridPos.w);
  }
  expect(panels.filter(({ type, description = '' }) => type !== 'row' && !description.endsWith('.'))).toEqual([]);
  expect(new Set(widths.values())).toEqual(new Set([24]));
});
