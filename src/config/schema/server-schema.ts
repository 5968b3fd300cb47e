import { logLevels } from '../../core/vocabulary.ts';
import { z } from 'zod';
import { durationFrom, oneOf, sizeUpTo, wholeNumber } from './values.ts';

const mebibyte = 1024 ** 2;

const host = z.string('expected an address to listen on, such as 127.0.0.1').min(1, 'expected an address to listen on');
const port = wholeNumber(0, 65_535);

const admin = z
  .strictObject({
    host: host
      .default('127.0.0.1')
      .describe('Address the admin listener binds to. Default 127.0.0.1: metrics and state are not for the network.'),
    port: port.default(8081).describe('Port of the admin listener, 0 to 65535; 0 takes any free one. Default 8081.'),
  })
  .describe('The second listener: /livez, /readyz, /metrics, /state.');

const limits = z
  .strictObject({
    streams: wholeNumber(1, 1_000_000)
      .default(1000)
      .describe(
        'Streams at the same time, 1 to 1000000; one more is answered 429. Default 1000: each holds its own capacity.',
      ),
    connections: wholeNumber(1, 10_000_000)
      .exactOptional()
      .describe(
        'Connections of clients at the same time, 1 to 10000000. One more closes the connection that was idle for longest; if none is idle, it is answered 503. Default: as many as the process may open files (`ulimit -n`), less what the lookups (their `connections`) and the admin listener need.',
      ),
    memory: sizeUpTo(1024 ** 4, '1TiB')
      .exactOptional()
      .describe(
        'Bytes of lines, answers and output that all streams together may hold, 1B to 1TiB; over it bodies are not read. Default: a quarter of the heap that V8 allows, which is half of the memory of a container.',
      ),
    lineBytes: sizeUpTo(256 * mebibyte, '256MiB')
      .prefault('1MiB')
      .describe(
        'Size of the longest line, its line end not counted, 1B to 256MiB; a longer one becomes the error line_too_long. Default 1MiB.',
      ),
    idleTimeout: durationFrom(1)
      .prefault('60s')
      .describe(
        'How long a stream may go on with nothing sent and nothing in flight, 1ms to 24h. Default 60s, as proxies do.',
      ),
    stallTimeout: durationFrom(1)
      .prefault('60s')
      .describe(
        'How long a client may leave a response unread that has something to read, 1ms to 24h. Default 60s: its slots are taken all that time.',
      ),
    headersTimeout: durationFrom(1)
      .prefault('10s')
      .describe('How long the head of a request may take to arrive, 1ms to 24h. Default 10s.'),
  })
  .describe('What one client, or all of them together, may take. A stream has no limit of length and none of age.');

const log = z
  .strictObject({
    level: oneOf(logLevels)
      .default('info')
      .describe('The least severe lines that are written. Default info: start, stop, streams that ended badly.'),
  })
  .describe('The log: JSON lines on stderr.');

export const serverSchema = z
  .strictObject({
    host: host
      .default('127.0.0.1')
      .describe('Address the service binds to. Default 127.0.0.1: being reached from elsewhere is a decision.'),
    port: port.default(8080).describe('Port of the service, 0 to 65535; 0 takes any free one. Default 8080.'),
    admin: admin.prefault({}),
    limits: limits.prefault({}),
    drainTimeout: durationFrom(0)
      .prefault('30s')
      .describe(
        'How long running streams may take to finish after SIGTERM, 0s to 24h. Default 30s, the grace period of Kubernetes.',
      ),
    watch: z
      .boolean()
      .default(true)
      .describe(
        'Whether the configuration is read anew when its file changes, or one that it names. Without it POST /reload and SIGHUP do that. Default true.',
      ),
    log: log.prefault({}),
  })
  .describe('The listeners and what they allow.');

export type ServerConfig = z.output<typeof serverSchema>;
