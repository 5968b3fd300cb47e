import { readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a folder that a process has open, with or without a name. `folder` is its path in that process. */
export function filesOf(
  folder: string,
  pid: number | 'self' = 'self',
): { readonly count: number; readonly bytes: number } {
  const fds = `/proc/${pid}/fd`;
  const inside = `${pid === 'self' ? realpathSync(folder) : folder}/`;
  let count = 0;
  let bytes = 0;
  for (const fd of readdirSync(fds)) {
    try {
      if (!readlinkSync(join(fds, fd)).startsWith(inside)) continue;
      bytes += statSync(join(fds, fd)).size;
      count += 1;
    } catch {
      // The file was closed meanwhile.
    }
  }
  return { count, bytes };
}
