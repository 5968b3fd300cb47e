import { describe, expect, test } from 'vitest';
import { canonicalHost, isAddress, isLoopback } from '../../../src/core/options/host-name.ts';
import { AllowedHosts, authorityOf } from '../../../src/http/access/allowed-hosts.ts';

const hosts = (list: readonly string[] | undefined, loopback = false, alwaysLoopback = false): AllowedHosts =>
  new AllowedHosts({ list, loopback, alwaysLoopback });

describe('a host', () => {
  test.each([
    ['Example.ORG', 'example.org'],
    ['example.org.', 'example.org'],
    ['127.1', '127.0.0.1'],
    ['0x7f.0.0.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[::FFFF:127.0.0.1]', '[::ffff:7f00:1]'],
    ['my_service', 'my_service'],
  ])('%s is spelled %s', (text, canonical) => {
    expect(canonicalHost(text)).toBe(canonical);
  });

  test.each(['', '.', 'a b', 'a/b', 'a?b', 'a#b', 'me@a', 'a:80', '::1', '[::1', '[a]', '%61', 'a\tb', '256.1.1.1'])(
    '%j is none',
    (text) => {
      expect(canonicalHost(text)).toBeUndefined();
    },
  );

  test('leads to the machine itself if it is localhost or a loopback address', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '[::1]', '[::ffff:7f00:1]'].filter(isLoopback)).toHaveLength(5);
    const others = ['localhost.example', '127.example', '128.0.0.1', '[::2]', '[::ffff:8000:1]', '0.0.0.0'];
    expect(others.filter(isLoopback)).toEqual([]);
    expect(['127.0.0.1', '[::1]', 'localhost', '1.example'].map(isAddress)).toEqual([true, true, false, false]);
  });
});

describe('the hosts that a request may name', () => {
  test.each(['localhost', 'LOCALHOST:8080', 'localhost.', '127.0.0.1:1', '127.8.8.8', '[::1]:8080', '127.1:80'])(
    'without a list, a listener on a loopback address takes %s',
    (authority) => {
      expect(hosts(undefined, true).allows(authority)).toBe(true);
    },
  );

  test.each([
    'rebound.example',
    'localhost.example',
    'x.localhost',
    '10.0.0.1',
    '',
    ':80',
    'a@localhost',
    '127.0.0.1.x',
  ])('and not %j', (authority) => {
    expect(hosts(undefined, true).allows(authority)).toBe(false);
    expect(hosts(undefined, true, true).allows(authority)).toBe(false);
  });

  test('without a list, a listener on another address takes every host', () => {
    expect(hosts(undefined).checked).toBe(false);
    expect(hosts(undefined).allows('anything at all')).toBe(true);
  });

  test('are those of the list, and no others', () => {
    const listed = hosts(['millrace.example', '*.apps.example', '[::1]'], true);
    const taken = ['millrace.example:1', 'MILLRACE.example.', 'a.apps.example', 'a.b.apps.example', '[0::1]:80'];
    expect(taken.filter((authority) => !listed.allows(authority))).toEqual([]);
    const refused = ['localhost', 'apps.example', '.apps.example', 'a.millrace.example', 'millrace.example.evil', ''];
    expect(refused.filter((authority) => listed.allows(authority))).toEqual([]);
  });

  test('are also loopback addresses on an admin listener that listens on one', () => {
    expect(hosts(['millrace.example'], true, true).allows('127.0.0.1:8081')).toBe(true);
    expect(hosts(['millrace.example'], false, true).allows('127.0.0.1:8081')).toBe(false);
  });

  test('are decided the same way the second time, and after thousands of other hosts', () => {
    const listed = hosts(['millrace.example']);
    const decide = (): readonly boolean[] => ['millrace.example', 'other.example'].map((host) => listed.allows(host));
    for (let time = 0; time < 2; time += 1) expect(decide()).toEqual([true, false]);
    for (let number = 0; number < 3000; number += 1) listed.allows(`${number}.example`);
    expect(decide()).toEqual([true, false]);
  });
});

test.each([
  ['/v1/pipelines', 'a', 'a'],
  ['/http://b/', 'a', 'a'],
  ['http://b:80/v1', 'a', 'b:80'],
  ['HTTP://b', 'a', 'b'],
  ['http://b?x', 'a', 'b'],
  ['*', 'a', 'a'],
  ['http://', 'a', ''],
  ['/', undefined, undefined],
])('the target %s with Host %s names %s', (target, host, authority) => {
  expect(authorityOf(target, host)).toBe(authority);
});
