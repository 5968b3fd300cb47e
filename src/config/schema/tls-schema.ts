import { z } from 'zod';

const file = (what: string) => z.string(`expected the path of a file with ${what}`).min(1, 'expected a path');

/** TLS for both listeners. The paths start at the folder of the configuration. */
export const tlsSchema = z
  .strictObject({
    cert: file('a certificate').describe(
      'PEM file with the certificate of the service, followed by the certificates of intermediate authorities. Read again on reload, and when it changes.',
    ),
    key: file('a private key').describe(
      'PEM file with the private key of `cert`, without a passphrase. Read again on reload, and when it changes.',
    ),
    clientCa: file('certificates of authorities')
      .exactOptional()
      .describe(
        'PEM file with the authorities whose certificates clients have to show, on every route except /livez and /readyz. Default: clients need no certificate. Read again on reload, and when it changes; to add or remove the key needs a restart.',
      ),
  })
  .describe(
    'TLS 1.2 and 1.3 for both listeners. Default: none, both speak plain HTTP. To add or remove it needs a restart.',
  );

export type TlsConfig = z.output<typeof tlsSchema>;
