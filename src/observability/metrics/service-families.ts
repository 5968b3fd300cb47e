import type { Registry } from 'prom-client';
import type { ServiceGauges } from '../../core/observer/observer.ts';
import { publishCounter, publishGauge } from './published.ts';

/** The metrics of the whole service: the values that its limits bound. */
export function publishService(registry: Registry, read: () => ServiceGauges): void {
  const gauge = (name: string, help: string, value: (gauges: ServiceGauges) => number): void =>
    publishGauge(registry, { name: `millrace_${name}`, help, labelNames: [] }, () => [[{}, value(read())]]);

  gauge('memory_held_bytes', 'Bytes of lines, answers and output that are held.', ({ memory }) => memory.heldBytes);
  gauge('memory_limit_bytes', 'The limit: above it no body is read.', ({ memory }) => memory.limitBytes);
  publishGauge(
    registry,
    {
      name: 'millrace_requests_active',
      help: 'Requests that hold memory; their sum is bounded by limits.streams.',
      labelNames: ['kind'],
    },
    () => Object.entries(read().requests).map(([kind, count]) => [{ kind }, count] as const),
  );
  gauge(
    'spool_streams',
    'Streams whose client may read only after it has sent everything.',
    ({ spool }) => spool.streams,
  );
  gauge(
    'spool_bytes',
    'Bytes of output that wait for their client, in memory and in files; a file counts whole until all of it was sent.',
    ({ spool }) => spool.bytes,
  );
  gauge('spool_disk_bytes', 'The part of millrace_spool_bytes that is in files.', ({ spool }) => spool.diskBytes);
  gauge(
    'spool_limit_bytes',
    'The limit of millrace_spool_bytes (limits.spoolTotalBytes).',
    ({ spool }) => spool.limitBytes,
  );
  publishCounter(
    registry,
    {
      name: 'millrace_spooled_bytes_total',
      help: 'Bytes of output that had to wait for their client.',
      labelNames: [],
    },
    () => [[{}, read().spool.spooledBytes]],
  );
  publishCounter(
    registry,
    {
      name: 'millrace_spool_refused_total',
      help: 'Streams that were cut because their output could not be kept for the client, by reason.',
      labelNames: ['reason'],
    },
    () => Object.entries(read().spool.refused).map(([reason, count]) => [{ reason }, count] as const),
  );
  gauge('connections', 'Connections of clients that are open.', ({ connections }) => connections.open);
  gauge('connections_limit', 'The limit of open connections of clients.', ({ connections }) => connections.limit);
  publishCounter(
    registry,
    {
      name: 'millrace_connections_closed_total',
      help: 'Connections that were closed because of the limit.',
      labelNames: ['reason'],
    },
    () => {
      const { closedIdle, refused } = read().connections;
      return [
        [{ reason: 'idle' }, closedIdle],
        [{ reason: 'refused' }, refused],
      ];
    },
  );
  publishCounter(
    registry,
    {
      name: 'millrace_requests_refused_total',
      help: 'Requests that were refused by their head or by a limit of streams or records, by reason.',
      labelNames: ['reason'],
    },
    () => Object.entries(read().refused).map(([reason, count]) => [{ reason }, count] as const),
  );
  publishGauge(
    registry,
    {
      name: 'millrace_tls_certificate_not_after_seconds',
      help: 'Unix time at which a file of server.tls expires: cert with its first certificate to expire, clientCa with its last one.',
      labelNames: ['file'],
    },
    () =>
      Object.entries(read().tls?.notAfterMs ?? {}).flatMap(([file, ms]) =>
        ms === null ? [] : [[{ file }, ms / 1000] as const],
      ),
  );
  publishCounter(
    registry,
    {
      name: 'millrace_tls_handshakes_failed_total',
      help: 'TLS handshakes with clients that failed, on both listeners.',
      labelNames: ['reason'],
    },
    () => Object.entries(read().tls?.failedHandshakes ?? {}).map(([reason, count]) => [{ reason }, count] as const),
  );
}
