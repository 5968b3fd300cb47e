import { contentCodings, logLevels } from '../../core/vocabulary.ts';
import { z } from 'zod';
import { adminAuth, allowedHosts, anyOriginNeedsAuth, auth, cors } from './access-schema.ts';
import { tlsSchema } from './tls-schema.ts';
import { durationFrom, oneOf, sizeUpTo, wholeNumber } from './values.ts';

const mebibyte = 1024 ** 2;

const host = z.string('expected an address to listen on, such as 127.0.0.1').min(1, 'expected an address to listen on');
const port = wholeNumber(0, 65_535);

const admin = z
  .strictObject({
    host: host
      .default('127.0.0.1')
      .describe('Address of the admin listener. Default 127.0.0.1: other machines cannot read metrics and state.'),
    port: port.default(8081).describe('Port of the admin listener, 0 to 65535; 0 takes any free port. Default 8081.'),
    auth: adminAuth,
    cors: cors.prefault({}),
  })
  .check(anyOriginNeedsAuth)
  .describe('The second listener: /livez, /readyz, /metrics, /state.');

const limits = z
  .strictObject({
    streams: wholeNumber(1, 1_000_000)
      .default(1000)
      .describe(
        'Streams at the same time, 1 to 1000000. A further one is answered with 429. Default 1000; each stream has its own capacity.',
      ),
    connections: wholeNumber(1, 10_000_000)
      .exactOptional()
      .describe(
        'Connections of clients at the same time, 1 to 10000000. A further one closes the connection that was idle for longest; if none is idle, the new one is answered with 503. Default: the number of files that the process may open (`ulimit -n`), minus those that the lookups (their `connections`) and the admin listener need.',
      ),
    memory: sizeUpTo(1024 ** 4, '1TiB')
      .exactOptional()
      .describe(
        'Bytes of lines, answers and output that all streams together may hold, 1B to 1TiB. Above it no body is read. Default: a quarter of the heap that V8 allows; in a container that heap is half of the memory.',
      ),
    lineBytes: sizeUpTo(256 * mebibyte, '256MiB')
      .prefault('1MiB')
      .describe(
        'Size of the longest line, without its line end, 1B to 256MiB. A longer line becomes the error line_too_long. Default 1MiB.',
      ),
    spoolBytes: sizeUpTo(1024 ** 5, '1PiB')
      .prefault('1GiB')
      .describe(
        'Output of one stream that may wait because its client does not read, in memory and in files, 1B to 1PiB. A file counts whole until all of it was sent. A stream with more is cut. Default 1GiB.',
      ),
    spoolTotalBytes: sizeUpTo(1024 ** 5, '1PiB')
      .prefault('8GiB')
      .describe(
        'The same of all streams together, 1B to 1PiB; there is never more on disk. Default 8GiB: it should be less than what is free in server.spool.dir.',
      ),
    idleTimeout: durationFrom(1)
      .prefault('60s')
      .describe(
        'How long a stream may be silent in both directions without a record in flight, 1ms to 24h. Default 60s, as in most proxies.',
      ),
    stallTimeout: durationFrom(1)
      .prefault('60s')
      .describe(
        'How long a client may read nothing of a response that has output for it, 1ms to 24h. Default 60s: its records keep their slots for that time.',
      ),
    decompressionRatio: wholeNumber(1, 1_000_000)
      .default(100)
      .describe(
        'Bytes to which one byte of a compressed body may be decompressed, on average, 1 to 1000000. Not applied to the first MiB of a body. A body above it ends with the error decompression_ratio. Default 100: JSON lines rarely reach 30.',
      ),
    headersTimeout: durationFrom(1)
      .prefault('10s')
      .describe(
        'How long the head of a request may take to arrive, and before it the TLS handshake, 1ms to 24h each. Default 10s.',
      ),
  })
  .describe(
    'The resources that one client, or all clients together, may use. The length and the age of a stream have no limit.',
  );

const spool = z
  .strictObject({
    dir: z
      .string('expected a directory, such as /var/lib/millrace')
      .min(1, 'expected a directory, such as /var/lib/millrace')
      .exactOptional()
      .describe(
        'Directory for output that waits for clients which do not read. It has to exist; a relative one starts from the folder of the configuration. Its files have no name, so none is left behind. Default: the directory for temporary files (TMPDIR, or /tmp).',
      ),
  })
  .describe('Where output is kept that its client reads only after it has sent everything (duplex).');

const log = z
  .strictObject({
    level: oneOf(logLevels)
      .default('info')
      .describe('The lowest severity that is written. Default info: start, stop, and streams that failed.'),
  })
  .describe('The log: JSON lines on stderr.');

export const serverSchema = z
  .strictObject({
    host: host
      .default('127.0.0.1')
      .describe('Address of the listener for clients. Default 127.0.0.1: only this machine can reach it.'),
    port: port
      .default(8080)
      .describe('Port of the listener for clients, 0 to 65535; 0 takes any free port. Default 8080.'),
    allowedHosts,
    auth,
    cors: cors.prefault({}),
    admin: admin.prefault({}),
    tls: tlsSchema.exactOptional(),
    compression: z
      .array(oneOf(contentCodings))
      .default(['zstd', 'gzip', 'br'])
      .describe(
        'Codings in which a response is sent if the client accepts them (Accept-Encoding), the preferred one first: zstd, gzip, br. []: responses are not compressed. Default [zstd, gzip, br]: the one that takes the least memory and CPU first.',
      ),
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
        'true: a change of the configuration file, or of a file that it names, starts a reload. false: only POST /reload and SIGHUP do. Default true.',
      ),
    spool: spool.prefault({}),
    log: log.prefault({}),
  })
  .check(anyOriginNeedsAuth)
  .describe('The listeners and their limits.');

export type ServerConfig = z.output<typeof serverSchema>;
