import { describe, expect, test } from 'vitest';
import { http } from '../../../../src/connectors/http/http.ts';
import { httpOptions } from '../../../../src/connectors/http/http-options.ts';
import { AddressRules } from '../../../../src/connectors/http/socket/address-rules.ts';
import { destinationsOf } from '../../../../src/connectors/http/socket/ip-address.ts';

const { denyAddresses } = httpOptions.parse({ url: 'http://a.example/' });
const byDefault = new AddressRules({ denyAddresses, allowAddresses: null });

describe('by default no name leads to', () => {
  test.each([
    ['the credentials of AWS, Azure, Google Cloud, Oracle Cloud', '169.254.169.254'],
    ['the credentials of a task of AWS', '169.254.170.2'],
    ['the credentials of AWS over IPv6', 'fd00:ec2::254'],
    ['the credentials of AWS over IPv6, spelled out', 'fd00:0ec2:0000:0000:0000:0000:0000:0254'],
    ['the credentials of Google Cloud over IPv6', 'fd20:ce::254'],
    ['the credentials of Alibaba Cloud', '100.100.100.200'],
    ['the agent of the host of Azure', '168.63.129.16'],
    ['any link-local address of IPv4', '169.254.1.1'],
    ['any link-local address of IPv6', 'fe80::1'],
    ['a link-local address with its interface', 'fe80::1%eth0'],
    ['the end of the link-local range', 'febf:ffff::1'],
    ['an IPv4-mapped link-local address', '::ffff:169.254.169.254'],
    ['the same in hexadecimal', '::ffff:a9fe:a9fe'],
    ['an IPv4-compatible one', '::169.254.169.254'],
    ['one behind NAT64', '64:ff9b::a9fe:a9fe'],
    ['one behind the NAT64 of one network', '64:ff9b:1::169.254.169.254'],
    ['one in 6to4', '2002:a9fe:a9fe::1'],
    ['one behind Teredo', '2001:0:4136:e378:8000:63bf:5601:5601'],
    ['one translated', '::ffff:0:169.254.169.254'],
    ['the unspecified address, which the kernel takes for loopback', '0.0.0.0'],
    ['its range', '0.1.2.3'],
    ['the unspecified address of IPv6', '::'],
    ['the same mapped', '::ffff:0.0.0.0'],
  ])('%s (%s)', (_, address) => {
    expect(byDefault.refusal(address)).toMatch(/^denyAddresses has (link-local|cloud-metadata|unspecified)$/);
  });
});

test.each([
  ['127.0.0.1'],
  ['::1'],
  ['10.0.0.1'],
  ['::ffff:10.0.0.1'],
  ['169.253.255.255'],
  ['169.255.0.0'],
  ['fec0::1'],
  ['fd00:ec2::253'],
  ['64:ff9b::808:808'],
  ['2002:808:808::1'],
  ['2001:db8::1'],
  ['1.0.0.1'],
])('by default a name may lead to %s', (address) => {
  expect(byDefault.refusal(address)).toBeUndefined();
});

describe('a range that denyAddresses has', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1'],
    ['10.0.0.0/8', '::ffff:10.255.0.1'],
    ['10.0.0.0/8', '64:ff9b::aff:1'],
    ['::ffff:10.0.0.0/104', '10.255.0.1'],
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::/32', '2001:db8:ffff::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['127.0.0.0/8', '0.0.0.0'],
    ['::1', '::'],
    ['0.0.0.0/0', '::ffff:8.8.8.8'],
    ['private', '192.168.1.1'],
    ['private', 'fd12::1'],
    ['loopback', '127.9.9.9'],
  ])('%s, refuses %s', (range, address) => {
    const rules = new AddressRules({ denyAddresses: [range], allowAddresses: null });
    expect(rules.refusal(address)).toBe(`denyAddresses has ${range}`);
  });

  test.each([
    ['10.0.0.0/8', '11.0.0.1'],
    ['192.0.2.7', '192.0.2.8'],
    ['2001:db8::/32', '2001:db9::1'],
    ['0.0.0.0/0', '2001:db8::1'],
  ])('%s, permits %s', (range, address) => {
    expect(new AddressRules({ denyAddresses: [range], allowAddresses: null }).refusal(address)).toBeUndefined();
  });
});

describe('allowAddresses', () => {
  const strict = new AddressRules({
    denyAddresses: ['link-local', '10.20.0.9'],
    allowAddresses: ['10.20.0.0/16', '169.254.169.254'],
  });

  test('permits what it has, also an address of a kind that denyAddresses has', () => {
    expect(strict.refusal('10.20.3.4')).toBeUndefined();
    expect(strict.refusal('::ffff:10.20.3.4')).toBeUndefined();
    expect(strict.refusal('169.254.169.254')).toBeUndefined();
  });

  test('permits nothing else', () => {
    for (const address of ['10.21.0.1', '127.0.0.1', '::1', '2001:db8::1', '169.254.169.253'])
      expect(strict.refusal(address)).toBe('it is not in allowAddresses');
  });

  test('does not permit an address that denyAddresses has as a range', () => {
    expect(strict.refusal('10.20.0.9')).toBe('denyAddresses has 10.20.0.9');
  });
});

function findings(url: string, options: object = {}): readonly string[] {
  return http
    .findings(httpOptions.parse({ url, ...options }))
    .map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('an address that the url itself has', () => {
  test('is permitted although denyAddresses has its kind', () => {
    for (const host of ['169.254.169.254', '2852039166', '[fe80::1]', '[::ffff:169.254.169.254]'])
      expect(findings(`http://${host}/latest`)).toEqual([]);
  });

  test.each([
    ['http://10.0.0.5:9000/x', { denyAddresses: ['10.0.0.0/8'] }, '10.0.0.5: denyAddresses has 10.0.0.0/8'],
    ['http://0x0a000005/x', { denyAddresses: ['10.0.0.5'] }, '10.0.0.5: denyAddresses has 10.0.0.5'],
    ['http://[::ffff:10.0.0.5]/x', { denyAddresses: ['10.0.0.5'] }, '::ffff:a00:5: denyAddresses has 10.0.0.5'],
    ['https://127.0.0.1/x', { allowAddresses: ['10.0.0.0/8'] }, '127.0.0.1: it is not in allowAddresses'],
  ])('is a mistake: %s with %j', (url, options, why) => {
    expect(findings(url, options)).toEqual([
      `url: no connection is opened to ${why}; change denyAddresses or allowAddresses, or name another address`,
    ]);
  });

  test.each([['10.0.0.0/33'], ['10.0.0/8'], ['local'], ['::1/129'], ['10.0.0.0/'], ['host.example'], ['1.2.3.4/8/9']])(
    'cannot be compared with %s, which is refused',
    (text) => {
      for (const key of ['denyAddresses', 'allowAddresses'])
        expect(httpOptions.safeParse({ url: 'http://a.example/', [key]: [text] }).success).toBe(false);
    },
  );
});

test('an empty allowAddresses is a mistake that says what to do', () => {
  const read = httpOptions.safeParse({ url: 'http://a.example/', allowAddresses: [] });
  expect(read.error?.issues.map(({ message }) => message)).toEqual([
    'the list is empty, so no address would be allowed; add an address or a range, or leave the key out: then all are allowed that are not denied',
  ]);
});

test.each([
  ['::', ['::', '::1']],
  ['::1', ['::1']],
  ['::ffff:0:1.2.3.4', ['::ffff:0:1.2.3.4', '1.2.3.4']],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', ['2001:0:4136:e378:8000:63bf:3fff:fdd2', '192.0.2.45']],
  ['1:2:3:4:5:6:7:8', ['1:2:3:4:5:6:7:8']],
  ['64:ff9b:1:fffe::1.2.3.4', ['64:ff9b:1:fffe::1.2.3.4', '1.2.3.4']],
  ['2002:102:304:5::6', ['2002:102:304:5::6', '1.2.3.4']],
])('a connection to %s may end at %j', (address, ends) => {
  expect(destinationsOf(address)).toEqual(ends);
});
