import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { anyone, BearerTokens } from '../../../src/http/access/bearer-tokens.ts';

const tokens = new BearerTokens(
  { bearerTokens: ['first-token-0123456789', { name: 'team-a', token: 'second/token+0123456789==' }] },
  undefined,
  virtualClock(),
);

describe('a token is found', () => {
  test.each([
    ['Bearer first-token-0123456789', undefined],
    ['bearer first-token-0123456789', undefined],
    ['BEARER   first-token-0123456789 ', undefined],
    ['Bearer second/token+0123456789==', 'team-a'],
  ])('by %s', (authorization, name) => {
    const caller = tokens.find(authorization);
    expect(caller).toBeDefined();
    expect(caller?.name).toBe(name);
  });

  test.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'first-token-0123456789',
    'Basic first-token-0123456789',
    'Bearerfirst-token-0123456789',
    'Bearer first-token-012345678',
    'Bearer first-token-01234567890',
    'Bearer FIRST-token-0123456789',
    'Bearer first-token-0123456789=',
    'Bearer first-token-0123456789,x',
    'Bearer "first-token-0123456789"',
    'Bearer team-a',
    'Bearer first-token-0123456789 second/token+0123456789==',
  ])('and not by %j', (authorization) => {
    expect(tokens.find(authorization)).toBeUndefined();
  });
});

test('a caller may use a pipeline that allows every token, or its name', () => {
  const caller = tokens.find('Bearer second/token+0123456789==') ?? anyone;
  expect([undefined, ['team-a'], ['team-b', 'team-a'], ['team-b'], []].map((names) => caller.mayUse(names))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([undefined, ['team-a'], ['undefined'], ['']].map((names) => anyone.mayUse(names))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
