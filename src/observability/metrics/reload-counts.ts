import type { Registry } from 'prom-client';
import { publishCounter, publishGauge } from './published.ts';

/** How often the configuration was read anew. The reading at the start is none of these, and was successful. */
export class ReloadCounts {
  #count = 0;
  #lastSucceeded = true;

  constructor(registry: Registry) {
    publishGauge(
      registry,
      {
        name: 'millrace_config_last_reload_successful',
        help: '1 where the configuration in force is the one last read, 0 where that one could not be used.',
        labelNames: [],
      },
      () => [[{}, this.#lastSucceeded ? 1 : 0]],
    );
    publishCounter(
      registry,
      {
        name: 'millrace_config_reloads_total',
        help: 'Attempts to read the configuration anew, successful or not.',
        labelNames: [],
      },
      () => [[{}, this.#count]],
    );
  }

  reloaded(succeeded: boolean): void {
    this.#count++;
    this.#lastSucceeded = succeeded;
  }
}
