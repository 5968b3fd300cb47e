import { NotConnected } from './not-connected.ts';

/** Why a connection could not be opened, in plain words: the errors of sockets, DNS and TLS. */

const untrusted = 'its authority is not trusted: set tls.ca';
const refused = 'it does not accept the certificate of tls.cert';
const oldTls = 'it speaks neither TLS 1.2 nor TLS 1.3';

/** What a code of the system or of OpenSSL means, or what to check. */
const hints = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'the name is not known'],
  ['EAI_AGAIN', 'the resolver does not answer'],
  ['EHOSTUNREACH', 'no route leads there'],
  ['ENETUNREACH', 'no route leads there'],
  ['ETIMEDOUT', 'it does not answer'],
  ['UND_ERR_CONNECT_TIMEOUT', 'it does not answer'],
  ['ECONNRESET', 'it closed the connection'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT', untrusted],
  ['CERT_SIGNATURE_FAILURE', untrusted],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet: check the clocks'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS there'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'it does not speak TLS there'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'it asks for a certificate: set tls.cert and tls.key'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', refused],
  ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', refused],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', refused],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', refused],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', oldTls],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', oldTls],
  ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'it does not speak HTTP/1.1 there: see http2'],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'it may ask for a certificate: see tls.cert and tls.key'],
]);

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether the error says that no connection was opened, so that no request was sent. */
export function isNotConnected(error: unknown): boolean {
  if (error instanceof NotConnected) return true;
  const code = errorCode(error) ?? '';
  return code !== 'ECONNRESET' && hints.has(code);
}

/** `THREAD:error:NUMBER:LIBRARY:FUNCTION:WORDS:FILE:LINE:MORE`, a message of OpenSSL. */
const openssl = /(?<=^|EPROTO )[\dA-F]+:error:[\dA-F]+:[^:]*:[^:]*:([^:]+):[^\n]*$/gm;

/** A message without the numbers and places in the source of OpenSSL. */
const wordsOf = (message: string): string => message.trim().replaceAll(openssl, '$1');

/** What the system or undici reports, with its code. */
export function reported(error: unknown): string {
  const code = errorCode(error);
  // A name with several addresses has one error for each.
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const messages = errors.map((one) => (one instanceof Error ? wordsOf(one.message) : String(one))).join('; ');
  if (code === undefined || messages.includes(code)) return messages;
  return messages === '' ? code : `${code}: ${messages}`;
}

/**
 * The code of an error of the system or of OpenSSL. Node.js reports EPROTO, with the words of OpenSSL in the message, for
 * a handshake that fails while bytes wait to be sent, and `ERR_SSL_WORDS` otherwise.
 */
export function causeCode(error: unknown): string {
  const code = errorCode(error) ?? '';
  if (code !== 'EPROTO' || !(error instanceof Error)) return code;
  const [, words] = [...error.message.matchAll(openssl)][0] ?? [];
  return words === undefined ? code : `ERR_SSL_${words.toUpperCase().replaceAll(' ', '_')}`;
}

/** Why there is no connection, what to check, and what the system reports. */
export function connectReason(error: unknown): string {
  const hint = hints.get(causeCode(error));
  return hint === undefined ? reported(error) : `${hint} (${reported(error)})`;
}
