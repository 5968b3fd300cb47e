import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { certificatesIn } from '../../../core/tls/certificates.ts';
import type { ConnectorRuntime } from '../../connector.ts';
import type { HttpOptions } from '../http-options.ts';

type Option = keyof HttpOptions['tls'];

const contents: Readonly<Record<Option, string>> = {
  ca: 'certificates in PEM form',
  cert: 'a certificate in PEM form',
  key: 'a private key in PEM form, without a passphrase',
};

/**
 * Reads and checks the TLS files of a lookup. Rejects with an Error that names the option and
 * the file if one cannot be read, or is not what it has to be.
 */
export async function readTls(
  files: HttpOptions['tls'],
  { lookup, baseDir, secrets }: Pick<ConnectorRuntime, 'lookup' | 'baseDir' | 'secrets'>,
): Promise<{ readonly [name in Option]?: Buffer }> {
  const read = async (option: Option): Promise<{ readonly [name in Option]?: Buffer }> => {
    const file = files[option];
    if (file === null) return {};
    const failure = (problem: string, cause: unknown): Error =>
      new Error(`lookup "${lookup}": tls.${option} ${problem}: ${file}`, { cause });
    let pem: Buffer;
    try {
      pem = await readFile(resolve(baseDir, file));
    } catch (cause) {
      throw failure('cannot be read', cause);
    }
    try {
      if (option === 'ca') certificatesIn(pem.toString('latin1'));
      else createSecureContext({ [option]: pem });
    } catch (cause) {
      throw failure(`is not a file of ${contents[option]}`, cause);
    }
    return { [option]: pem };
  };
  const [ca, cert, key] = await Promise.all([read('ca'), read('cert'), read('key')]);
  // Line by line: a part of a file may be shown as well.
  secrets.learn(
    key.key
      ?.toString('latin1')
      .split(/\s*\n/)
      .filter((line) => !line.startsWith('-')) ?? [],
  );
  const tls = { ...ca, ...cert, ...key };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new Error(`lookup "${lookup}": tls.key is not the private key of tls.cert: ${files.key}`, { cause });
  }
  return tls;
}
