import { readFileSync } from 'node:fs';
import { environment } from '../../config/environment.ts';
import { fileReason } from '../file-reason.ts';

/** The variable that has a token. An argument would be in the list of processes, which every user of the machine can read. */
const variable = 'MILLRACE_TOKEN';

/**
 * Returns the token to send: from a file, which is read again for each request, otherwise from the environment; undefined
 * if there is neither. The function throws Error, without the token in it, if that is no token.
 */
export function tokenSource(file: string | undefined): () => string | undefined {
  return () => {
    const text = file === undefined ? environment[variable] : contentOf(file);
    if (file === undefined && (text === undefined || text === '')) return undefined;
    const token = text?.trim() ?? '';
    if (/^[\u0021-\u007e]+$/.test(token)) return token;
    throw new Error(`${file ?? variable} holds no token: expected one word of ASCII characters`);
  };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`--token-file ${file} cannot be read: ${fileReason(error, 'read')}`, { cause: error });
  }
}
