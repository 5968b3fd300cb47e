import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secretsOf } from '../../../src/config/secrets-of.ts';
import { Secrets } from '../../../src/core/secrets/secrets.ts';

function knowing(...values: readonly string[]): Secrets {
  const secrets = new Secrets();
  secrets.learn(values);
  return secrets;
}

const lookups = {
  author: {
    http: {
      url: 'https://directory.example/{id}',
      auth: { basic: { username: 'reader', password: 'a.b*c(d' } },
      headers: { authorization: 'Bearer sk-1234567890', 'x-api-key': 'k3y-of-mine' },
    },
  },
};
const secrets = knowing(...secretsOf({ lookups }));

describe('a shown message', () => {
  test.each([
    ['a password', 'login as reader with a.b*c(d failed', 'login as *** with *** failed'],
    ['a header', 'sent Bearer sk-1234567890', 'sent ***'],
    ['the token of a header by itself', 'token sk-1234567890 is unknown', 'token *** is unknown'],
    ['a key', '{"x-api-key":"k3y-of-mine"}', '{"x-api-key":"***"}'],
    ['credentials in Base64', 'got cmVhZGVyOmEuYipjKGQ= as user', 'got *** as user'],
    ['user and password of a URL', 'GET https://u:pw@h.example/x failed', 'GET https://***@h.example/x failed'],
    [
      'a token in a query',
      'GET http://h/x?a=1&access_token=abc&b=2 gave 500',
      'GET http://h/x?a=1&access_token=***&b=2 gave 500',
    ],
    ['a token that is not of the configuration', 'refused: Bearer eyJhbGciOiJIUzI1NiJ9.e30', 'refused: Bearer ***'],
  ])('does not contain %s', (_what, message, shown) => {
    expect(secrets.hide(message)).toBe(shown);
  });

  test.each([
    'no complete answer from https://directory.example: connect ECONNREFUSED 127.0.0.1:9',
    'lookup author has no answer for this record',
    'what? the basic understanding of a token = none',
  ])('is unchanged if it contains no secret: %s', (message) => {
    expect(secrets.hide(message)).toBe(message);
  });

  test.each([
    ['a password', 'postgres://app:p%40ss-word@db.test/x', ['p@ss-word', 'p%40ss-word', 'YXBwOnBAc3Mtd29yZA==']],
    ['a user without a password', 'https://key-of-sentry@sentry.test/1', ['key-of-sentry', 'a2V5LW9mLXNlbnRyeTo=']],
    ['a password with an @', 'http://me:a@b-c-d-e@proxy.test:3128', ['a@b-c-d-e']],
    ['a password that is no escape', 'http://me:100%25-of%zz@proxy.test', ['100%25-of%zz']],
  ])('does not contain %s of an address that is a secret', (_, address, parts) => {
    const known = knowing(address);
    for (const part of parts) expect(known.hide(`login with ${part} failed`)).toBe('login with *** failed');
  });

  test('contains the host of such an address, and a user who has a password', () => {
    const message = 'app cannot connect to db.test';
    expect(knowing('postgres://app:p%40ss-word@db.test/').hide(message)).toBe(message);
  });

  test('does not show an access token, nor the ones before it, and tokens push out no other secret', () => {
    const known = knowing('a.b*c(d');
    for (let token = 1; token <= 3000; token += 1) known.learnToken(`token-number-${token}`);
    expect(known.hide('a.b*c(d, token-number-3000, token-number-2937')).toBe('***, ***, ***');
  });

  test('does not show a secret of the configuration before a reload', () => {
    const both = knowing('a.b*c(d');
    both.learn(['the-next-one']);
    expect(both.hide('first a.b*c(d, then the-next-one')).toBe('first ***, then ***');
  });
});

describe('a secret is found', () => {
  const value = 'p&s<w>r"d/ä +%?';
  test.each([
    ['as it is', value],
    ['percent-encoded', encodeURIComponent(value)],
    ['percent-encoded in lower case', encodeURIComponent(value).replaceAll(/%../g, (escape) => escape.toLowerCase())],
    ['in a form', new URLSearchParams({ v: value }).toString().slice(2)],
    ['in JSON', JSON.stringify(value).slice(1, -1)],
    ['in HTML', 'p&amp;s&lt;w&gt;r&quot;d/ä +%?'],
    ['in Base64', Buffer.from(value).toString('base64')],
    ['in Base64 for URLs', Buffer.from(value).toString('base64url')],
  ])('%s', (_how, spelled) => {
    const hidden = knowing(value).hide(`before ${spelled} after`);
    expect(hidden.replace('***==', '***').replace('***=', '***')).toBe('before *** after');
  });

  test('in a message that was cut inside the secret', () => {
    expect(knowing('k3y-of-mine').hide('server said "k3y-of…": why?')).toBe('server said "***…": why?');
    expect(knowing('k3y-of-mine').hide('not a k3…')).toBe('not a k3…');
  });

  test('as a whole word if it has 4 to 7 characters, and never if it has fewer', () => {
    expect(knowing('prod', '17', 'a b').hide('prod product prod-17 a b')).toBe('*** product ***-17 a b');
  });

  test('but scheme, host and port of an address are not secret', () => {
    const address = knowing('http://crm:9000/v1/tenant-7');
    expect(address.hide('http://crm:9000/v1/tenant-7/x: 500 from http://crm:9000')).toBe(
      'http://crm:9000***/x: 500 from http://crm:9000',
    );
  });
});

test('JSON stays JSON, with the same numbers and names, whatever is secret', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '1', '2', '"', '\\', '{', ':', ',', 'é'),
    minLength: 4,
    maxLength: 10,
  });
  fc.assert(
    fc.property(text, fc.jsonValue(), (secret, value) => {
      const json = JSON.stringify({ '12345678': value, n: 12345678, said: `x ${secret} y` });
      const shown: unknown = JSON.parse(knowing(secret, '12345678').hideInJson(json));
      expect(shown).toMatchObject({ n: 12345678 });
      expect(Object.keys(shown as object)).toEqual(['12345678', 'n', 'said']);
    }),
  );
});
