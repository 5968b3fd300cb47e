import { z } from 'zod';
import { parseRange } from './ip-address.ts';

/** What `lookups.NAME.http.denyAddresses` and `allowAddresses` take. */

/**
 * Addresses that have a name together. Sources: RFC 6890 and the IANA registries of special-purpose addresses; the pages of
 * the providers about their metadata services.
 */
export const addressKinds = {
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  'cloud-metadata': [
    '169.254.169.254', // AWS, Azure, DigitalOcean, Google Cloud, Hetzner, IBM Cloud, OpenStack, Oracle Cloud
    '169.254.170.2', // AWS: credentials of a task
    '169.254.170.23', // AWS: credentials of a pod
    '169.254.42.42', // Scaleway
    '169.254.0.23', // Tencent Cloud
    'fd00:ec2::254', // AWS
    'fd00:ec2::23', // AWS: credentials of a pod
    'fd20:ce::254', // Google Cloud
    'fd00:42::42', // Scaleway
    '100.100.100.200', // Alibaba Cloud
    '168.63.129.16', // Azure: the agent of the host
    '192.0.0.192', // Oracle Cloud, classic
  ],
  unspecified: ['0.0.0.0/8', '::'],
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type AddressKind = keyof typeof addressKinds;

export function isAddressKind(text: string): text is AddressKind {
  return Object.hasOwn(addressKinds, text);
}

const kindNames = Object.keys(addressKinds).join(', ');
const ranged = 'an address such as 192.0.2.1 or fd00::1, or a range such as 10.0.0.0/8';

const range = z.string(`expected ${ranged}`).refine((text) => parseRange(text) !== undefined, `expected ${ranged}`);
const denied = `expected one of ${kindNames}, ${ranged}`;
const kindOrRange = z.string(denied).refine((text) => isAddressKind(text) || parseRange(text) !== undefined, denied);

export const addressOptions = {
  denyAddresses: z
    .array(kindOrRange)
    .default(['link-local', 'cloud-metadata', 'unspecified'])
    .describe(
      `Addresses to which no connection is opened, whatever name leads to them: ${kindNames}, addresses, and ranges such as 10.0.0.0/8. A kind does not hold for an address that url or allowAddresses names. The default keeps a name whose DNS was changed from reaching credentials of the machine.`,
    ),
  allowAddresses: z
    .array(range)
    .min(
      1,
      'the list is empty, so no address would be allowed; add an address or a range, or leave the key out: then all are allowed that are not denied',
    )
    .nullable()
    .default(null)
    .describe(
      'The only addresses to which connections are opened: addresses and ranges such as 10.20.0.0/16. null: all that are not denied.',
    ),
};
