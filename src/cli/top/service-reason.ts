import { connectReason } from '../../connectors/http/socket/connect-reason.ts';
import type { ClientFiles } from './client-files.ts';

const untrusted = 'its authority is not trusted: set tls.ca';
const noTls = 'it does not speak TLS there';

/** Why a command has no connection to a service, with the options of the command that may change it. */
export function serviceReason(error: unknown, files: ClientFiles): string {
  const trust =
    files.ca === undefined
      ? 'its certificate is not trusted: name the PEM file of its authority with --cacert, or set NODE_EXTRA_CA_CERTS'
      : 'its certificate is not trusted: it was issued by none of the authorities in the file of --cacert';
  return connectReason(error)
    .replace(untrusted, trust)
    .replace(noTls, `${noTls}: write http:// instead of https://`)
    .replace('tls.cert and tls.key', '--cert and --key')
    .replace('tls.cert', '--cert');
}
