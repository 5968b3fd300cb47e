import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { figure, type Figures } from './figures.ts';
import { withCpu, type Worker } from './processes.ts';
import { ownRoot, startService, type Service } from './service.ts';

/** A pipeline that looks up the airport of each flight, with the default capacity of 100; for a lookup named `airport`. */
const airportPipelines = {
  flights: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/originAirport' }] },
};

/** A service with that pipeline. `airport` is the configuration of the lookup, `server` has members of that section. */
export function startFlights(
  bench: Bench,
  name: string,
  airport: object,
  root?: string,
  server: object = {},
): Promise<Service> {
  return startService(bench, name, { lookups: { airport }, pipelines: airportPipelines, server }, root);
}

/**
 * The same lookup with a call for each record, also if an equal call is under way: the records of a benchmark are often
 * equal. A checkout from before `coalesce` makes these calls anyway, and does not know the key.
 */
export function callForEach(lookup: object, root = ownRoot): object {
  const schema = readFileSync(join(root, 'openapi', 'millrace.schema.json'), 'utf8');
  return schema.includes('"coalesce"') ? { ...lookup, coalesce: false } : lookup;
}

/** A file of records that a client sends to a pipeline `times` times, as one stream. */
export interface Load {
  /** The pipeline, and query parameters if there are any. */
  readonly path: string;
  readonly file: string;
  readonly records: number;
  readonly times?: number;
  /** The token that the client sends, and the file of the authority that it trusts. */
  readonly door?: { readonly token?: string; readonly ca?: string };
  /** The coding of the file, in which the response is requested as well. */
  readonly coding?: string | undefined;
}

/** One stream, with the CPU of the service. Throws an Error if a record was not written, or if one has an error. */
export async function stream(client: Worker, service: Service, load: Load): Promise<Figures> {
  const { path, file, records, times = 1, door = {}, coding } = load;
  const order = { file, times, ...door, ...(coding !== undefined && { coding }) };
  const figures = await withCpu(service.pid, () => client.run({ url: `${service.url}/${path}`, ...order }));
  if (figure(figures, 'written') === records * times && figure(figures, 'errors') === 0) return figures;
  throw new Error(
    `${path}: the service wrote ${figures['written']} of ${records * times} records, ${figures['errors']} of them errors`,
  );
}
