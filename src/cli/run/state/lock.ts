import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileReason } from '../../file-reason.ts';

/**
 * Locks a state file, until this process ends: a socket with a name made of the file's path. The system removes it with the
 * process, however that ends. On Linux it is an abstract socket, which is not a file; a container with a network of its own
 * does not see it. Rejects if another process has the lock, or if no file can be written in its folder.
 */
export async function lockState(name: string): Promise<void> {
  const file = join(folderOf(name), basename(name));
  const key = `millrace-run-${createHash('sha256').update(file).digest('hex').slice(0, 32)}`;
  // Other systems keep the file of a socket whose process was killed: there the state is not locked.
  if (process.platform !== 'linux') return;

  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const taken = 'code' in cause && cause.code === 'EADDRINUSE';
      const why = taken ? 'another millrace run uses it now; wait until that has ended' : cause.message;
      reject(new Error(`--state ${name} cannot be locked: ${why}`, { cause }));
    });
    server.listen({ path: `\0${key}` }, resolve);
  });
  server.unref();
}

/** The state is replaced by a new file in its folder: that is tried before the first record, and not at its end. */
function folderOf(name: string): string {
  try {
    const folder = realpathSync(dirname(name));
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (error) {
    throw new Error(`--state ${name} cannot be written: ${fileReason(error, 'written')}`, { cause: error });
  }
}
