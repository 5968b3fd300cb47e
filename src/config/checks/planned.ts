import type { Path } from '../../core/finding.ts';

/** Keys of later versions of Millrace, by the place that they will have; `*` is any name. */
export const plannedKeys: readonly (readonly [place: readonly string[], keys: readonly string[]])[] = [
  [[], ['kafka']],
  [
    ['lookups', '*'],
    ['redis', 'sql'],
  ],
  [['lookups', '*', 'http'], ['followRedirects']],
];

export const plannedMessage = 'not in this version of Millrace; leave it out';

/** Whether an unknown key is a key of a later version. */
export function isPlanned(path: Path): boolean {
  const key = path.at(-1);
  return plannedKeys.some(
    ([place, keys]) =>
      keys.some((name) => name === key) &&
      place.length === path.length - 1 &&
      place.every((step, index) => step === '*' || step === path[index]),
  );
}

export function isPlannedConnector(path: Path): boolean {
  return isPlanned(path) && path.length === 3 && (path[2] === 'redis' || path[2] === 'sql');
}
