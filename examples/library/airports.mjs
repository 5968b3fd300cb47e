import { createInterface } from 'node:readline';
import { createClient } from '@redis/client';
import { RichAsyncFunction, unorderedWait } from 'millrace';

/** Reads the name of an airport from the database. The client sends commands without waiting for earlier answers. */
class AsyncDatabaseRequest extends RichAsyncFunction {
  /** Called once, before the first request. */
  async open({ parameters, logger }) {
    // An unreachable database is an error: the client does not try to connect again.
    this.client = createClient({ url: parameters.url, socket: { reconnectStrategy: false } });
    this.client.on('error', (error) => logger.error(error.message));
    await this.client.connect();
  }

  /** Called for each element. `signal` is aborted when the element's time is over, or when the loop below is left. */
  asyncInvoke(iata, result, { signal }) {
    this.client
      .withAbortSignal(signal)
      .get(`airport:${iata}`)
      .then(
        (name) => result.complete([{ iata, name }]),
        (error) => result.completeExceptionally(error),
      );
  }

  /** Called once, after the last request or after a failure. */
  close() {
    if (this.client.isOpen) this.client.destroy();
  }
}

const codes = createInterface({ input: process.stdin });
const airports = unorderedWait(codes, new AsyncDatabaseRequest(), {
  timeout: 1000,
  capacity: 100,
  parameters: { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' },
  logger: console,
});

for await (const airport of airports) process.stdout.write(`${JSON.stringify(airport)}\n`);
