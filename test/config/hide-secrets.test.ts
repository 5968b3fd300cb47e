import { describe, expect, test } from 'vitest';
import { SecretHider } from '../../src/config/hide-secrets.ts';

const lookups = {
  author: {
    http: {
      url: 'https://directory.example/{id}',
      auth: { basic: { username: 'reader', password: 'a.b*c(d' } },
      headers: { authorization: 'Bearer sk-1234567890', 'x-api-key': 'k3y-of-mine' },
    },
  },
};
const hider = new SecretHider();
hider.learn({ lookups });
const hide = (message: string): string => hider.hide(message);

describe('a message that is shown', () => {
  test.each([
    ['a password', 'login as reader with a.b*c(d failed', 'login as *** with *** failed'],
    ['a header', 'sent Bearer sk-1234567890', 'sent ***'],
    ['the token of a header by itself', 'token sk-1234567890 is unknown', 'token *** is unknown'],
    ['a key', '{"x-api-key":"k3y-of-mine"}', '{"x-api-key":"***"}'],
    ['user and password of a URL', 'GET https://u:pw@h.example/x failed', 'GET https://***@h.example/x failed'],
    [
      'a token in a query',
      'GET http://h/x?a=1&access_token=abc&b=2 gave 500',
      'GET http://h/x?a=1&access_token=***&b=2 gave 500',
    ],
    ['somebody else’s token', 'refused: Bearer eyJhbGciOiJIUzI1NiJ9.e30', 'refused: Bearer ***'],
  ])('does not hold %s', (_what, message, shown) => {
    expect(hide(message)).toBe(shown);
  });

  test.each([
    'no whole answer from https://directory.example: connect ECONNREFUSED 127.0.0.1:9',
    'lookup author has no answer for this record',
    'what? the basic understanding of a token = none',
  ])('is left as it is where it holds none: %s', (message) => {
    expect(hide(message)).toBe(message);
  });

  test('does not hold what was a secret before a reload', () => {
    hider.learn({ lookups: { author: { http: { auth: { bearer: 'the-next-one' } } } } });
    expect(hide('first a.b*c(d, then the-next-one')).toBe('first ***, then ***');
  });
});
