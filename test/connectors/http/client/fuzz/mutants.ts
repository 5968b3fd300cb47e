const answers: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}',
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 26 Nov 2026 10:00:00 GMT\r\nContent-Length: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n{}',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nTrailer: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"a":1}',
  'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
  'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone',
  'HTTP/1.1 503\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\n<oh/>',
];

const characters = [
  '\r',
  '\n',
  '\r\n',
  '\t',
  ' ',
  ':',
  ';',
  ',',
  '=',
  '"',
  '0',
  '1',
  '9',
  'a',
  'F',
  'x',
  '\0',
  '\x7f',
  '\x80',
  '-',
  '+',
];
const fields = [
  'Content-Length: 2',
  'Content-Length: 7',
  'Content-Length: 2 ',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked\t',
  'Connection: close',
  'Connection: keep-alive',
  'Proxy-Connection: close',
  'X: y',
  ' folded',
  'Bad Name: x',
  'Empty:',
];
const behind = ['\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'];
const statuses = [
  '099',
  '100',
  '101',
  '102',
  '199',
  '200',
  '204',
  '205',
  '206',
  '299',
  '304',
  '400',
  '599',
  '600',
  '999',
];
const protocols = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/0.9', 'ICY', 'http/1.1'];

/** A real answer with up to `most` changes, and the pieces in which it arrives. */
export function mutant(random: () => number, most = 3): { readonly text: string; readonly pieces: readonly Buffer[] } {
  const below = (bound: number): number => Math.floor(random() * bound);
  const oneOf = (list: readonly string[]): string => list[below(list.length)] ?? '';
  let text = oneOf(answers);
  for (let changes = below(most + 1); changes > 0; changes -= 1) {
    const at = below(text.length + 1);
    switch (below(9)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + oneOf(characters) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + oneOf(characters) + text.slice(at + 1);
        break;
      case 3:
        text += oneOf(behind);
        break;
      case 4:
        text = text.slice(0, at);
        break;
      case 5:
        text = text.replace(/(?<= )\d{3}(?=[ \r])/, oneOf(statuses));
        break;
      case 6:
        text = text.replace(/^\S+/, oneOf(protocols));
        break;
      default: {
        const lineEnds = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
        const place = lineEnds[below(lineEnds.length)] ?? 0;
        text = `${text.slice(0, place)}${oneOf(fields)}\r\n${text.slice(place)}`;
      }
    }
  }
  const bytes = Buffer.from(text, 'latin1');
  const pieces: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const length = random() < 0.3 ? 1 : 1 + below(60);
    pieces.push(bytes.subarray(from, from + length));
    from += length;
  }
  return { text, pieces };
}
