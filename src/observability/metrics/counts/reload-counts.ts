import type { Registry } from 'prom-client';
import { publishCounter, publishGauge } from '../published.ts';

/** The reloads of the configuration. The start is not counted, and was successful. */
export class ReloadCounts {
  #count = 0;
  #lastSucceeded = true;

  constructor(registry: Registry) {
    publishGauge(
      registry,
      {
        name: 'millrace_config_last_reload_successful',
        help: '1 if the configuration that was last read is in force, 0 if it could not be used.',
        labelNames: [],
      },
      () => [[{}, this.#lastSucceeded ? 1 : 0]],
    );
    publishCounter(
      registry,
      {
        name: 'millrace_config_reloads_total',
        help: 'Attempts to read the configuration again, successful or not.',
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
