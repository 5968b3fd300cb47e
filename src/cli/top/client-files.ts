import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { thrownMessage } from '../../core/thrown.ts';
import { UsageError } from '../exit-codes.ts';
import { fileReason } from '../file-reason.ts';

/** The options of a command that is a client of a service with TLS: paths of PEM files. */
export interface ClientFileFlags {
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a request over TLS needs beside its address. */
export interface ClientFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Reads the files that the flags name. Throws UsageError if they cannot be read or do not belong together. */
export function clientFiles({ cacert, cert, key }: ClientFileFlags): ClientFiles {
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key belong together; name both');
  const files = {
    ...(cacert !== undefined && { ca: read('cacert', cacert) }),
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
  };
  try {
    createSecureContext(files);
  } catch (error) {
    throw new UsageError(`--cacert, --cert and --key cannot be used: ${thrownMessage(error)}`);
  }
  return files;
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`--${flag} ${file} cannot be read: ${fileReason(error, 'read')}`);
  }
}
