// VERSION URL IN OUT: node:http2 sends IN to its end, and only then reads the answer into OUT.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { connect } from 'node:http2';
import { pipeline } from 'node:stream/promises';

const [, url, source, target] = process.argv.slice(2);
const { origin, pathname, search } = new URL(url);
const session = connect(origin, { rejectUnauthorized: false });
const headers = { ':method': 'POST', ':path': pathname + search, 'content-type': 'application/x-ndjson' };
const stream = session.request(headers);
const trailers = once(stream, 'trailers');
createReadStream(source).pipe(stream);
await once(stream, 'finish');
await pipeline(stream, createWriteStream(target));
const [{ 'millrace-status': status }] = await trailers;
process.stdout.write(`${status}\n`);
session.close();
