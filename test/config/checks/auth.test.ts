import { expect, test } from 'vitest';
import { complaints } from '../loading.ts';

const complaintsOf = (auth: string): readonly string[] =>
  complaints(`lookups:
  a:
    http:
      url: "http://a/{i}"
      auth: ${auth}
pipelines: { p: { enrich: [{ lookup: a, with: { i: /i }, into: /r }] } }
`);

const kinds = '5:13 lookups.a.http.auth: expected { bearer }, { basic } or { oauth2 }, got ***';

test.each([
  [
    '{ oauth2: { tokenUrl: "https://l/t", clientId: m } }',
    ['5:15 lookups.a.http.auth.oauth2.clientSecret: missing; expected a string'],
  ],
  [
    '{ oauth2: { tokenURL: "https://l/t", clientId: m, clientSecret: secret1 } }',
    ['5:25 lookups.a.http.auth.oauth2.tokenURL: unknown key; did you mean "tokenUrl"?'],
  ],
  [
    '{ oauth2: { tokenUrl: "https://l/t", clientId: m, clientSecret: secret1, timeout: 5 } }',
    ['5:95 lookups.a.http.auth.oauth2.timeout: expected a duration such as 250ms, 5s, 2m or 1h, got 5'],
  ],
  ['{ basic: { username: me } }', ['5:15 lookups.a.http.auth.basic.password: missing; expected a string']],
  [
    '{ basic: { username: me, password: 5 } }',
    ['5:48 lookups.a.http.auth.basic.password: expected a string, got ***; write it in quotes'],
  ],
])('a mistake within one kind of credentials is found at its own key: %s', (auth, expected) => {
  expect(complaintsOf(auth)).toEqual(expected.map((text) => `millrace.yaml:${text}`));
});

test.each([
  ['{ bearer: secret1, oauth2: {} }', 'bearer and oauth2'],
  ['{ oauth2: { tokenUrl: "https://l/t", clientId: m, clientSecret: secret1 }, bearer: secret1 }', 'bearer and oauth2'],
  ['{ bearer: secret1, basic: { username: me, password: secret1 } }', 'bearer and basic'],
])('several kinds of credentials are one mistake: %s', (auth, given) => {
  expect(complaintsOf(auth)).toEqual([
    `millrace.yaml:5:13 lookups.a.http.auth: has ${given}; choose one of bearer, basic, oauth2`,
  ]);
});

test.each(['{}', '{ oauth: {} }', 'secret1'])(
  'without one kind of credentials, the message names all kinds: %s',
  (auth) => {
    expect(complaintsOf(auth)).toEqual([`millrace.yaml:${kinds}`]);
  },
);
