/** The characters of a host: `[…]` around an IPv6 address, otherwise nothing that ends or divides the authority of a URL. */
const host = /^(?:\[[\dA-Fa-f:.]+\]|[^\s/?#@\\:[\]%]+)$/;

/** A host that ends with a number is an IPv4 address, or no URL can have it. */
const ipv4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * A host as URLs spell it: a name in lower case without the dot at its end, an IPv4 address with four numbers, an IPv6
 * address in brackets and in its shortest form. Undefined if the text is no host; a port is no part of a host.
 */
export function canonicalHost(text: string): string | undefined {
  if (!host.test(text)) return undefined;
  const { hostname = '' } = URL.parse(`http://${text}/`) ?? {};
  const name = hostname.replace(/\.$/, '');
  return name === '' ? undefined : name;
}

/** Whether a host as URLs spell it is an address. No name server can make it lead to another machine. */
export function isAddress(canonical: string): boolean {
  return canonical.startsWith('[') || ipv4.test(canonical);
}

/** Whether a host as URLs spell it leads to the machine itself: `localhost`, 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104. */
export function isLoopback(canonical: string): boolean {
  if (canonical === 'localhost' || canonical === '[::1]') return true;
  return (canonical.startsWith('127.') && ipv4.test(canonical)) || /^\[::ffff:7f[\da-f]{2}:/.test(canonical);
}
