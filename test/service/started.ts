import { onTestFinished } from 'vitest';
import type { Loaded } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema/schema.ts';
import { secretsOf } from '../../src/config/secrets-of.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { noProcessCounts } from '../../src/observability/metrics/counts/process-counts.ts';
import { type RunningService, type ServiceOptions, startService } from '../../src/service/start-service.ts';

/** The service that `millrace serve` runs, in this process; stopped with the test. */
export async function started(
  loaded: Loaded,
  { load = () => loaded, logger = false, secrets = new Secrets() }: Partial<ServiceOptions> = {},
): Promise<RunningService> {
  const service = await startService({ loaded, load, logger, secrets, process: noProcessCounts });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return service;
}

/** A configuration that was read from no file. */
export function loadedFrom(config: Config): Loaded {
  return {
    config,
    source: 'test',
    effective: {},
    baseDir: '.',
    secrets: secretsOf(config),
    files: new Map(),
    tls: undefined,
  };
}
