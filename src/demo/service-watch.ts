import { systemClock } from '../core/time/time.ts';
import { inFlight, readings, residentBytes } from './readings.ts';
import type { DemoService } from './service.ts';

/** Often enough for a line that seems to move, too seldom to be seen in the figures. */
const everyMs = 200;

/** Scrapes the service now and then for what only it knows: how much it has in flight, and its memory. */
export class ServiceWatch {
  mostInFlight = 0;
  mostResidentBytes = 0;
  readonly #service: DemoService;
  readonly #onReading: (inFlight: number) => void;
  #disarm: () => void;
  #looking = Promise.resolve();
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
    await this.#looking;
  }

  #arm(): () => void {
    return systemClock.setTimer(everyMs, () => {
      // Where the service does not answer, the flow breaks off as well, and says more.
      this.#looking = this.#look().catch(() => {});
    });
  }

  async #look(): Promise<void> {
    const values = readings(await this.#service.metrics());
    this.mostInFlight = Math.max(this.mostInFlight, inFlight(values));
    this.mostResidentBytes = Math.max(this.mostResidentBytes, residentBytes(values));
    if (this.#stopped) return;
    this.#onReading(inFlight(values));
    this.#disarm = this.#arm();
  }
}
