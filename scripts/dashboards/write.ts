// Writes the dashboards and the alerts of the chart: `npm run dashboards`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated } from './generated.ts';

const root = join(import.meta.dirname, '../..');

for (const [path, text] of generated()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
