import type { ServerConfig } from '../config/schema/schema.ts';
import type { JsonData } from '../core/json/json-data.ts';
import type { PipelineDirectory } from './routing.ts';

/** One configuration, as requests see it. */
export interface Served {
  readonly pipelines: PipelineDirectory;
  readonly limits: ServerConfig['limits'];
  /** The effective configuration of a pipeline there is, secrets hidden. */
  readonly describe: (pipeline: string) => JsonData;
  /** Keeps its pipelines open until the function returned is called. */
  hold(): () => void;
}

/** Where a request gets the configuration that is in force. It asks once: the next one may get another. */
export interface Serving {
  readonly current: Served;
}
