import { stringify } from 'yaml';
import { rule } from './alert.ts';
import { alertGroups } from './alerts.ts';
import { lookupsBoard } from './lookups-board.ts';
import { streamsBoard } from './streams-board.ts';

const boards = [streamsBoard, lookupsBoard];

const note = '# Written by `npm run dashboards` from scripts/dashboards/alerts.ts.\n';

/** Every file that is generated, by its path from the root of the project. */
export function generated(): ReadonlyMap<string, string> {
  const groups = alertGroups.map(({ name, alerts }) => ({ name, rules: alerts.map(rule) }));
  return new Map([
    ...boards.map((board) => [`helm/millrace/dashboards/${board.uid}.json`, json(board)] as const),
    ['helm/millrace/alerts/millrace.yaml', note + stringify({ groups }, { lineWidth: 0 })],
  ]);
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
