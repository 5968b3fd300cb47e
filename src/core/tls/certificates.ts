import { X509Certificate } from 'node:crypto';

/**
 * The certificates of a PEM text. Throws if it has none, or if one of them cannot be read: OpenSSL trusts the
 * certificates before a damaged one, and ignores the others without an error.
 */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  const certificates = pem.match(/-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]*(?:-----END \1-----)?/g);
  if (certificates === null) throw new Error('it has no certificate');
  return certificates.map((certificate) => new X509Certificate(certificate));
}
