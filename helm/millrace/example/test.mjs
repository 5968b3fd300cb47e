// `helm test` runs this: it sends RECORDS to URL, and exits with 0 if each record came back enriched and the stream is
// complete.
import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

const { TLS_FOLDER: folder = '/run/tls', TOKEN: token, URL: url, RECORDS: records, MAY_FAIL: mayFail } = process.env;
const sent = records.trim().split('\n');
const giveUpAt = Date.now() + 60_000;

/** The authority of the service, and the certificate of this client, as far as they are mounted. */
const files = { ca: 'server/ca.crt', cert: 'client/tls.crt', key: 'client/tls.key' };
const mounted = Object.entries(files).filter(([, file]) => existsSync(`${folder}/${file}`));
const tls = Object.fromEntries(mounted.map(([name, file]) => [name, readFileSync(`${folder}/${file}`)]));

function attempt() {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', ...(token && { authorization: `Bearer ${token.trim()}` }) };
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const call = request(url, { ...tls, method: 'POST', headers, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text, trailers: response.trailers }));
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer for 10 s')));
    call.on('error', reject);
    call.end(`${sent.join('\n')}\n`);
  });
}

/** Tries again for up to a minute, because the Service may not have a pod yet. */
async function answered() {
  for (;;) {
    const answer = await attempt().catch((error) => ({ status: 0, text: String(error), trailers: {} }));
    if ((answer.status !== 0 && answer.status !== 503) || Date.now() > giveUpAt) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const { status, text, trailers } = await answered();
const lines = text.split('\n').filter((line) => line !== '');
process.stdout.write(`${url}: ${status} ${JSON.stringify(trailers)}\n${text}\n`);
const wrong = [];
if (status !== 200) wrong.push(`the status is ${status}, not 200`);
if (trailers['millrace-status'] !== 'complete') wrong.push('the stream is not complete');
if (lines.length !== sent.length) wrong.push(`${sent.length} records were sent, ${lines.length} came back`);
if (mayFail !== 'true' && trailers['millrace-errors'] !== '0') wrong.push('a record failed');
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
