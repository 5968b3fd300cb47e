import { maxHeadBytes } from '../../../../src/connectors/http/client/answer-parser.ts';

/**
 * Answers, each with what a client has to make of it. The parser alone reads them (answer-parser.test.ts), and the
 * clients and the connector over TCP and over TLS (transports.test.ts).
 */

export const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');
export const ok = 'HTTP/1.1 200 OK';
const long = 'x'.repeat(maxHeadBytes);

export interface TakenAnswer {
  readonly status?: number;
  readonly body?: string;
  readonly reusable?: boolean;
  readonly head?: object;
  readonly whole?: true;
}

/** After each of them the connection closes. */
export const takenAnswers: readonly (readonly [what: string, text: string, expected: TakenAnswer])[] = [
  ['with its length', `${lines(ok, 'Content-Length: 2', '')}{}`, { status: 200, body: '{}', reusable: true }],
  ['with length 0', lines(ok, 'content-length: 0', ''), { body: '', reusable: true }],
  ['with blanks around a value', `${lines(ok, 'content-length: \t 2 \t', '')}{}`, { body: '{}', reusable: true }],
  ['with its length said twice', `${lines(ok, 'content-length: 2', 'Content-Length: 2', '')}{}`, { body: '{}' }],
  ['with its length as a list of equal ones', `${lines(ok, 'content-length: 2, 2', '')}{}`, { body: '{}' }],
  ['with leading zeros in its length', `${lines(ok, 'content-length: 002', '')}{}`, { body: '{}' }],
  ['in chunks', lines(ok, 'transfer-encoding: chunked', '', '2', '{}', '0', ''), { body: '{}', reusable: true }],
  [
    'in chunks, in capitals',
    lines(ok, 'Transfer-Encoding: CHUNKED', '', 'A', '0123456789', '0', ''),
    { body: '0123456789' },
  ],
  ['in chunks with leading zeros', lines(ok, 'transfer-encoding: chunked', '', '0002', '{}', '00', ''), { body: '{}' }],
  [
    'in chunks with extensions',
    lines(ok, 'transfer-encoding: chunked', '', '2;a;b=c ; d = "e\\"f"', '{}', '0;last', ''),
    { body: '{}', reusable: true },
  ],
  [
    'in chunks with trailers, which are ignored',
    lines(ok, 'transfer-encoding: chunked', '', '2', '{}', '0', 'content-length: 9', 'x: y', ' z', ''),
    { body: '{}', reusable: true },
  ],
  [
    'without length, until the connection closes',
    `${lines(ok, '')}{"a":1}`,
    { body: '{"a":1}', whole: true, reusable: false },
  ],
  ['without length and without a body', lines(ok, ''), { body: '', whole: true, reusable: false }],
  ['without a reason', `${lines('HTTP/1.1 200 ', 'content-length: 2', '')}{}`, { status: 200, body: '{}' }],
  ['without a reason and the space before it', `${lines('HTTP/1.1 200', 'content-length: 2', '')}{}`, { status: 200 }],
  ['with a reason in Latin-1', lines('HTTP/1.1 500 \xfcbel', 'content-length: 0', ''), { status: 500 }],
  [
    'after 100 Continue',
    `${lines('HTTP/1.1 100 Continue', '', ok, 'content-length: 2', '')}{}`,
    { status: 200, body: '{}' },
  ],
  [
    'after 102 and 103 with fields of their own',
    `${lines('HTTP/1.1 102 P', '', 'HTTP/1.1 103 E', 'content-length: 7', 'link: x', '', ok, 'content-length: 2', '')}{}`,
    { status: 200, body: '{}', reusable: true },
  ],
  [
    'with status 204, whatever length it names',
    lines('HTTP/1.1 204 No', 'content-length: 9', ''),
    { status: 204, reusable: true },
  ],
  [
    'with status 304, whatever length it names',
    lines('HTTP/1.1 304 Same', 'content-length: 9', ''),
    { status: 304, reusable: true },
  ],
  ['with a status above 599', lines('HTTP/1.1 999 X', 'content-length: 0', ''), { status: 999, reusable: true }],
  [
    'with Connection: close',
    `${lines(ok, 'connection: Close', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: false },
  ],
  ['with Connection: a, close', `${lines(ok, 'connection: a, close', 'content-length: 2', '')}{}`, { reusable: false }],
  [
    'with Proxy-Connection: close',
    `${lines(ok, 'proxy-connection: close', 'content-length: 2', '')}{}`,
    { reusable: false },
  ],
  [
    'with Connection: keep-alive',
    `${lines(ok, 'connection: keep-alive', 'content-length: 2', '')}{}`,
    { reusable: true },
  ],
  ['in HTTP/1.0', `${lines('HTTP/1.0 200 OK', 'content-length: 2', '')}{}`, { body: '{}', reusable: false }],
  [
    'in HTTP/1.0 with Connection: Keep-Alive',
    `${lines('HTTP/1.0 200 OK', 'connection: Keep-Alive', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true },
  ],
  [
    'with bytes behind it, and the connection is not used again',
    `${lines(ok, 'content-length: 2', '')}{}\r\n`,
    { body: '{}', reusable: false },
  ],
  [
    'with another answer behind it, and the connection is not used again',
    `${lines(ok, 'content-length: 2', '')}{}${lines(ok, 'content-length: 4', '')}evil`,
    { body: '{}', reusable: false },
  ],
  [
    'with bytes behind its last chunk, and the connection is not used again',
    `${lines(ok, 'transfer-encoding: chunked', '', '0', '')}x`,
    { whole: true, reusable: false },
  ],
  [
    'with bytes behind a head without a body, and the connection is not used again',
    `${lines('HTTP/1.1 204 No', '')}x`,
    { whole: true, reusable: false },
  ],
  [
    'after 102 and 199 without fields',
    `${lines('HTTP/1.1 102', '', 'HTTP/1.1 199 X', '', ok, 'content-length: 2', '')}{}`,
    { status: 200, body: '{}', reusable: true },
  ],
  [
    'with the length of its chunks in small and capital letters',
    lines(ok, 'transfer-encoding: chunked', '', 'a', '0123456789', 'A', '0123456789', '0', ''),
    { body: '01234567890123456789', reusable: true },
  ],
  [
    'with chunked between blanks',
    lines(ok, 'transfer-encoding:   chunked  ', '', '2', '{}', '0', ''),
    { body: '{}', reusable: true },
  ],
  ['with status 600', lines('HTTP/1.1 600 X', 'content-length: 0', ''), { status: 600, reusable: true }],
  [
    'in HTTP/1.0 without length, until the connection closes',
    `${lines('HTTP/1.0 200 OK', '')}{}`,
    { body: '{}', reusable: false },
  ],
  [
    'with content-encoding empty',
    `${lines(ok, 'content-encoding:', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true, head: { contentEncoding: '' } },
  ],
  [
    'with content-encoding identity',
    `${lines(ok, 'content-encoding: identity', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true, head: { contentEncoding: 'identity' } },
  ],
  [
    'with content-encoding identity, identity',
    `${lines(ok, 'content-encoding: identity, identity', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true, head: { contentEncoding: 'identity, identity' } },
  ],
  [
    'with content-encoding utf-8',
    `${lines(ok, 'content-encoding: utf-8', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true, head: { contentEncoding: 'utf-8' } },
  ],
  [
    'with content-encoding none',
    `${lines(ok, 'content-encoding: none', 'content-length: 2', '')}{}`,
    { body: '{}', reusable: true, head: { contentEncoding: 'none' } },
  ],
];

/** Malformed, whatever comes behind. */
export const refusedAnswers: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['that is another protocol', lines('SSH-2.0-OpenSSH_9.2'), /begins with "SSH-2.0/],
  ['of HTTP/2.0', lines('HTTP/2.0 200 OK', ''), /begins with "HTTP\/2.0/],
  ['of HTTP/1.2', lines('HTTP/1.2 200 OK', ''), /begins with/],
  ['of HTTP/0.9', '<html>\r\n', /begins with "<html>"/],
  ['of HTTP/0.9 whose line ends with LF', '{"a":1}\n', /begins with "{/],
  ['that is an empty line', lines('', ok, ''), /begins with ""/],
  ['in small letters', lines('http/1.1 200 OK', ''), /begins with/],
  ['without a status', lines('HTTP/1.1', ''), /begins with/],
  ['with a status of two digits', lines('HTTP/1.1 20', ''), /begins with/],
  ['with a status of four digits', lines('HTTP/1.1 2000 OK', ''), /begins with/],
  ['with a status that is no number', lines('HTTP/1.1 2x0 OK', ''), /begins with/],
  ['with a status below 100', lines('HTTP/1.1 099 X', ''), /begins with/],
  ['with a tab before the status', lines('HTTP/1.1\t200 OK', ''), /begins with/],
  ['with a control character in its reason', lines('HTTP/1.1 200 O\x01K', ''), /reason holds a control/],
  ['that changes the protocol', lines('HTTP/1.1 101 Switch', ''), /changes the protocol/],
  ['whose lines end with LF', 'HTTP/1.1 200 OK\n\n', /CR LF/],
  ['with an empty line that ends with LF', 'HTTP/1.1 200 OK\r\n\n', /CR LF/],
  ['with a carriage return within a line', lines(ok, 'a: b\rc', ''), /control character/],
  ['with NUL in a value', lines(ok, 'a: b\0', ''), /control character/],
  ['with a control character in a folded line', lines(ok, 'a: b', ' \x7f', ''), /control character/],
  ['with white space before its first field', lines(ok, ' a: b', ''), /white space/],
  ['with white space before a colon', lines(ok, 'content-length : 2', ''), /has no colon right after its name/],
  ['with a field without a colon', lines(ok, 'abc', ''), /has no colon right after its name: "abc"/],
  ['with a field without a name', lines(ok, ': b', ''), /has no name/],
  ['with two lengths', lines(ok, 'content-length: 2', 'content-length: 3', ''), /two lengths, 2 and 3/],
  ['with a list of two lengths', lines(ok, 'content-length: 2, 3', ''), /two lengths/],
  ['with a negative length', lines(ok, 'content-length: -2', ''), /content-length is "-2"/],
  ['with a length in hexadecimal', lines(ok, 'content-length: 0x2', ''), /content-length is/],
  ['with a length that no number holds', lines(ok, 'content-length: 9999999999999999', ''), /content-length is/],
  ['with an empty length', lines(ok, 'content-length:', ''), /content-length is ""/],
  [
    'with a length and chunks',
    lines(ok, 'content-length: 2', 'transfer-encoding: chunked', ''),
    /content-length and a transfer/,
  ],
  [
    'with two transfer codings',
    lines(ok, 'transfer-encoding: chunked', 'transfer-encoding: chunked', ''),
    /more than one/,
  ],
  ['with gzip before chunked', lines(ok, 'transfer-encoding: gzip, chunked', ''), /not chunked: "gzip, chunked"/],
  ['with an unknown transfer coding', lines(ok, 'transfer-encoding: identity', ''), /not chunked/],
  ['in chunks in HTTP/1.0', lines('HTTP/1.0 200 OK', 'transfer-encoding: chunked', ''), /HTTP\/1.0/],
  ['with a chunk without a size', lines(ok, 'transfer-encoding: chunked', '', ''), /chunk of it has no size/],
  ['with a chunk whose size is no number', lines(ok, 'transfer-encoding: chunked', '', 'xyz'), /no size: "xyz"/],
  ['with a chunk whose size no number holds', lines(ok, 'transfer-encoding: chunked', '', 'f'.repeat(14)), /no size/],
  ['with white space behind the size of a chunk', lines(ok, 'transfer-encoding: chunked', '', '2 '), /extensions/],
  ['with a malformed extension of a chunk', lines(ok, 'transfer-encoding: chunked', '', '2;=a'), /extensions/],
  [
    'with a chunk longer than its size',
    lines(ok, 'transfer-encoding: chunked', '', '2', '{}x'),
    /longer than its size/,
  ],
  ['with a chunk that ends with LF', `${lines(ok, 'transfer-encoding: chunked', '', '2')}{}\n0\r\n\r\n`, /CR LF/],
  ['with a malformed trailer', lines(ok, 'transfer-encoding: chunked', '', '0', 'a b', ''), /has no colon/],
  ['with a head that is too long', lines(ok, `a: ${long}`, ''), /longer than 16384 bytes/],
  ['with a head of too many fields', `${lines(ok)}${'a: b\r\n'.repeat(4000)}`, /longer than 16384 bytes/],
  ['with a line without an end', `${ok}${long}`, /longer than 16384 bytes/],
  [
    'with too many bytes in extensions of chunks',
    `${lines(ok, 'transfer-encoding: chunked', '')}${`1;${'x'.repeat(4000)}\r\nx\r\n`.repeat(5)}`,
    /longer/,
  ],
  ['with too many trailers', `${lines(ok, 'transfer-encoding: chunked', '', '0')}${'a: b\r\n'.repeat(4000)}`, /longer/],
  ['that does not come after 100 interim answers', lines('HTTP/1.1 103 E', '').repeat(101), /never comes/],
  ['with a status of zeros', lines('HTTP/1.1 000 X', 'content-length: 0', ''), /begins with/],
  ['with a length twice and another one', lines(ok, 'content-length: 2', 'content-length: 2, 3', ''), /two lengths/],
  [
    'with chunks and a length',
    lines(ok, 'transfer-encoding: chunked', 'content-length: 2', ''),
    /content-length and a/,
  ],
  [
    'with status 204 and chunks and a length',
    lines('HTTP/1.1 204 N', 'transfer-encoding: chunked', 'content-length: 2', ''),
    /content-length and a/,
  ],
  ['with a plus in its length', lines(ok, 'content-length: +2', ''), /content-length is/],
  ['with a space within its length', lines(ok, 'content-length: 1 2', ''), /content-length is/],
  ['with a semicolon behind chunked', lines(ok, 'transfer-encoding: chunked ;', '', '0', ''), /not chunked/],
  ['with a tab behind chunked', lines(ok, 'transfer-encoding: chunked\t', '', '0', ''), /holds a tab/],
  ['with a tab before chunked', lines(ok, 'transfer-encoding:\tchunked', '', '0', ''), /holds a tab/],
  ['with a folded transfer coding', lines(ok, 'transfer-encoding: gzip,', ' chunked', '', '0', ''), /not chunked/],
  ['with an empty transfer coding', lines(ok, 'transfer-encoding:', '', '0', ''), /not chunked/],
  [
    'with a control character in an extension of a chunk',
    lines(ok, 'transfer-encoding: chunked', '', '2;a=\x01', '{}', '0', ''),
    /extensions/,
  ],
  ['with a size of a chunk in 0x', lines(ok, 'transfer-encoding: chunked', '', '0x2', '{}', '0', ''), /extensions/],
];

/** Whole answers. Each beginning of them is none. */
export const cutAnswers: readonly string[] = [
  `${lines('HTTP/1.1 103 E', '', ok, 'content-type: a', 'content-length: 2', '')}{}`,
  lines(ok, 'transfer-encoding: chunked', '', '2;x=y', '{}', '0', 'a: b', ''),
];
