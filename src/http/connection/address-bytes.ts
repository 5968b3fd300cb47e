import { isIPv4, isIPv6 } from 'node:net';

/**
 * The 4 bytes of an IPv4 address, the 16 of an IPv6 address, in the order of the network; undefined if the text is
 * neither. An IPv4 address that is mapped into IPv6 (`::ffff:127.0.0.1`) has 16; a zone (`%eth0`) is left out.
 */
export function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address)) return undefined;
  const text = address.replace(/%.*$/, '').replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [before = '', after] = text.split('::');
  const head = groupsOf(before);
  const tail = groupsOf(after ?? '');
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
