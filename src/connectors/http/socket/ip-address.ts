import { BlockList, isIP } from 'node:net';

/** Addresses of IPv4 and IPv6, and ranges of them in CIDR notation. */

const mappedPrefix = 96;

/**
 * The range that a text names, such as `10.0.0.0/8`, `fd00::/8`, `192.0.2.1` or `::ffff:10.0.0.0/104`, which is
 * `10.0.0.0/8`. Undefined if it names none.
 */
export function parseRange(text: string): BlockList | undefined {
  const found = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text);
  const written = found?.[1] ?? '';
  const family = isIP(written);
  if (family === 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  const prefix = found?.[2] === undefined ? bits : Number(found[2]);
  if (prefix > bits) return undefined;
  const range = new BlockList();
  const mapped = family === 6 ? mappedIn(groupsOf(written)) : undefined;
  if (mapped !== undefined && prefix >= mappedPrefix) range.addSubnet(mapped, prefix - mappedPrefix, 'ipv4');
  else range.addSubnet(written, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return range;
}

/** False for a name. */
export function isInRange(range: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && range.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * The addresses that a connection to this one may end at. The kernel takes `0.0.0.0` and `::` for the loopback address, and
 * an IPv6 address may carry an IPv4 address to which the network translates it:
 *
 *     ::ffff:a.b.c.d       mapped (RFC 4291): the same as a.b.c.d, so this one alone is returned
 *     ::a.b.c.d            compatible (RFC 4291, deprecated)
 *     ::ffff:0:a.b.c.d     translated (RFC 2765, obsolete)
 *     64:ff9b::a.b.c.d     NAT64 (RFC 6052)
 *     64:ff9b:1:…:a.b.c.d  NAT64 of one network (RFC 8215)
 *     2002:ab:cd::         6to4 (RFC 3056)
 *     2001:0:…:a.b.c.d     Teredo (RFC 4380), every bit of the IPv4 address inverted
 */
export function destinationsOf(address: string): readonly string[] {
  const [plain = ''] = address.split('%');
  if (isIP(plain) !== 6) return plain === '0.0.0.0' ? [plain, '127.0.0.1'] : [plain];
  const groups = groupsOf(plain);
  const mapped = mappedIn(groups);
  if (mapped !== undefined) return destinationsOf(mapped);
  if (groups.every((group) => group === 0)) return [plain, '::1'];
  const carried = carriedIn(groups);
  return carried === undefined ? [plain] : [plain, carried];
}

function mappedIn(groups: readonly number[]): string | undefined {
  return beginsWith(groups, [0, 0, 0, 0, 0, 0xffff]) ? ipv4At(groups, 6) : undefined;
}

function carriedIn(groups: readonly number[]): string | undefined {
  if (beginsWith(groups, [0x2002])) return ipv4At(groups, 1);
  if (beginsWith(groups, [0x2001, 0])) return ipv4At(inverted(groups), 6);
  const nat64 = beginsWith(groups, [0x64, 0xff9b, 0, 0, 0, 0]) || beginsWith(groups, [0x64, 0xff9b, 1]);
  // `::1` is the loopback address, and not 0.0.0.1.
  const compatible = beginsWith(groups, [0, 0, 0, 0, 0, 0]) && groups[6] !== 0;
  const translated = beginsWith(groups, [0, 0, 0, 0, 0xffff, 0]);
  return nat64 || compatible || translated ? ipv4At(groups, 6) : undefined;
}

function inverted(groups: readonly number[]): readonly number[] {
  return groups.map((group) => group ^ 0xffff);
}

function beginsWith(groups: readonly number[], start: readonly number[]): boolean {
  return start.every((group, index) => groups[index] === group);
}

function ipv4At(groups: readonly number[], index: number): string {
  return [groups[index] ?? 0, groups[index + 1] ?? 0].flatMap((group) => [group >> 8, group & 0xff]).join('.');
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [, a, b, c, d] = (dotted ?? []).map(Number);
  const text = dotted === null ? address : address.slice(0, dotted.index) + `${hexOf(a, b)}:${hexOf(c, d)}`;
  const [head = '', tail] = text.split('::');
  const before = groupsIn(head);
  const after = groupsIn(tail ?? '');
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function hexOf(high = 0, low = 0): string {
  return (high * 256 + low).toString(16);
}

function groupsIn(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}
