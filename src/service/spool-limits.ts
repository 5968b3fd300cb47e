import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { ServerConfig } from '../config/schema/schema.ts';
import { unusableDirectory } from '../config/spool-dir.ts';
import type { SpoolLimits } from '../http/spool/spool-space.ts';
import type { Logger } from '../observability/log/logger.ts';

/** The limits of a spool as a configuration has them. A relative directory starts from `baseDir`. */
export function spoolLimits({ limits, spool }: ServerConfig, baseDir: string): SpoolLimits {
  const dir = spool.dir === undefined ? tmpdir() : resolve(baseDir, spool.dir);
  return { dir, streamBytes: limits.spoolBytes, totalBytes: limits.spoolTotalBytes };
}

/** A service without a directory to spool to serves all streams that need none, so it starts. */
export function warnOfSpoolDir(dir: string, logger: Logger): void {
  const why = unusableDirectory(dir);
  if (why === undefined) return;
  logger.warn(
    { dir },
    `output cannot be spooled to ${dir} (${why}): a stream whose client reads late ends with spool_full if it does not fit into memory; set server.spool.dir`,
  );
}
