import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningService } from '../../src/service/start-service.ts';
import { loadConfig, type Loaded } from '../../src/config/load.ts';
import type { Secrets } from '../../src/core/secrets/secrets.ts';
import type { Logger } from '../../src/observability/log/logger.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';
import { folderOf } from './serving.ts';
import { started } from './started.ts';

export interface Configured {
  readonly loaded: Loaded;
  readonly service: RunningService;
  /** Sends lines to the pipeline `test` and returns the response. */
  readonly enrich: (body: string) => Promise<string>;
  /** Explains a record of the pipeline `test`. */
  readonly explain: (record: string) => Promise<string>;
}

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
  /** The secrets that the logger hides. */
  readonly secrets?: Secrets;
}

/** Loads a configuration from a file, as a user does; the system chooses the ports. */
function loaded(text: string, { env = {}, files = {} }: Given = {}): Loaded {
  const file = join(folderOf({ ...files, 'millrace.yaml': '' }), 'millrace.yaml');
  writeFileSync(file, text);
  const flags = { 'server.port': '0', 'server.admin.port': '0' };
  return loadConfig({ file, env, flags, checks: [checkPipelines] });
}

/** The whole service for a configuration with a pipeline `test`; stopped at the end of the test. */
export async function startConfigured(text: string, given: Given = {}): Promise<Configured> {
  const first = loaded(text, given);
  const service = await started(first, given);
  const post = async (path: string, body: string, type: string): Promise<string> => {
    const response = await fetch(`${service.url}${path}`, { method: 'POST', headers: { 'content-type': type }, body });
    return response.text();
  };
  return {
    loaded: first,
    service,
    enrich: (body) => post('/v1/enrich/test', body, 'application/x-ndjson'),
    explain: (record) => post('/v1/explain/test', record, 'application/json'),
  };
}
