import { accessSync, constants, statSync } from 'node:fs';
import { thrownMessage } from '../core/thrown.ts';

/** Why no files can be made in a directory; undefined if they can. */
export function unusableDirectory(dir: string): string | undefined {
  try {
    if (!statSync(dir).isDirectory()) return 'it is not a directory';
    accessSync(dir, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return thrownMessage(error);
  }
}
