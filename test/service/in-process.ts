import type { RunningService } from '../../src/service/start-service.ts';
import { configSchema } from '../../src/config/schema/schema.ts';
import { Admin } from './admin.ts';
import { loadedFrom, started } from './started.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../src/core/json/json.ts';

export interface InProcess {
  readonly service: RunningService;
  readonly admin: Admin;
  readonly port: number;
  /** Sends a body and returns the whole response body. */
  readonly enrich: (body: string | Uint8Array<ArrayBuffer>, query?: string) => Promise<string>;
}

/** The whole service, as the command line composes it, with both listeners; stopped at the end of the test. */
export async function startInProcess(
  lookups: object,
  pipeline: object,
  limits: object = {},
  server: object = {},
): Promise<InProcess> {
  const config = configSchema.parse({
    server: { port: 0, admin: { port: 0 }, limits, drainTimeout: '1s', ...server },
    lookups,
    pipelines: { test: pipeline },
  });
  const service = await started(loadedFrom(config));
  const enrich: InProcess['enrich'] = async (body, query = '') => {
    const response = await fetch(`${service.url}/v1/enrich/test${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    });
    return response.text();
  };
  return { service, admin: new Admin(service.adminUrl), port: Number(new URL(service.url).port), enrich };
}

/** The objects of a response, one per line. */
export function linesOf(text: string): JsonObject[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const value = parseJson(line);
      if (!isJsonObject(value)) throw new Error(`no object: ${line}`);
      return value;
    });
}
