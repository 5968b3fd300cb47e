import { systemClock } from '../core/time/time.ts';
import { inFlight, readings, residentBytes } from './readings.ts';
import type { DemoService } from './service.ts';

/** Often enough for a progress line, too seldom to change the figures. */
const everyMs = 200;

/** Scrapes the metrics of the service at intervals: records in flight and memory. */
export class ServiceWatch {
  mostInFlight = 0;
  mostResidentBytes = 0;
  readonly #service: DemoService;
  readonly #onReading: (inFlight: number) => void;
  #disarm: () => void;
  #reading = Promise.resolve();
  #stopped = false;

  /** `onReading` is called after each reading until the watch stops. */
  constructor(service: DemoService, onReading: (inFlight: number) => void) {
    this.#service = service;
    this.#onReading = onReading;
    this.#disarm = this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    await this.#reading;
  }

  #arm(): () => void {
    return systemClock.setTimer(everyMs, () => {
      // If the service does not answer, the flow fails too, with a better message.
      this.#reading = this.#read().catch(() => {});
    });
  }

  async #read(): Promise<void> {
    const values = readings(await this.#service.metrics());
    this.mostInFlight = Math.max(this.mostInFlight, inFlight(values));
    this.mostResidentBytes = Math.max(this.mostResidentBytes, residentBytes(values));
    if (this.#stopped) return;
    this.#onReading(inFlight(values));
    this.#disarm = this.#arm();
  }
}
