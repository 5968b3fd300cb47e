import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { csvRows } from '../connectors/table/rows/csv-reader.ts';
import { isJsonObject, parseJson } from '../core/json/json.ts';

/** A row of airports.csv. Every value is text, also the coordinates. */
export type Airport = Readonly<Record<string, string>>;

export interface DemoData {
  /** By IATA code. */
  readonly airports: ReadonlyMap<string, Airport>;
  /** NDJSON lines without their line end, in the order of the file. */
  readonly flights: readonly string[];
}

/** 20,000 flights and 3,376 airports of the United States, from vega-datasets. Rejects if their files are missing. */
export async function readDemoData(): Promise<DemoData> {
  const folder = dataFolder();
  const airports = new Map<string, Airport>();
  const csv = readFileSync(join(folder, 'airports.csv'));
  for (const { key, json } of csvRows(csv, { key: 'iata', delimiter: ',' })) airports.set(key, stringsOf(json));
  const flights = parseJson(readFileSync(join(folder, 'flights-20k.json'), 'utf8'));
  if (!Array.isArray(flights)) throw new Error('flights-20k.json is not an array');
  return { airports, flights: flights.map((flight) => JSON.stringify(flight)) };
}

/** A package has the data beside the compiled files (scripts/build.ts); a checkout has it in a development dependency. */
function dataFolder(): string {
  const packed = join(import.meta.dirname, '..', 'demo-data');
  if (existsSync(packed)) return packed;
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', 'vega-datasets', 'data');
    if (existsSync(found)) return found;
    if (folder === dirname(folder)) {
      throw new Error(
        `the data of the demo is missing: there is no ${packed} and no node_modules/vega-datasets; run "npm ci"`,
      );
    }
  }
}

function stringsOf(json: string): Airport {
  const row = parseJson(json);
  if (!isJsonObject(row)) throw new Error(`a row of airports.csv is not an object: ${json}`);
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === 'string' ? value : '']));
}
