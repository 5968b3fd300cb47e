import { tmpdir } from 'node:os';
import type { ServerConfig } from '../config/schema/schema.ts';
import type { SpoolLimits } from '../http/spool/spool-space.ts';

/** The limits of a spool as a configuration has them. */
export function spoolLimits({ limits, spool }: ServerConfig): SpoolLimits {
  return { dir: spool.dir ?? tmpdir(), streamBytes: limits.spoolBytes, totalBytes: limits.spoolTotalBytes };
}
