/** The script of a page that sends about so many bytes of records in one body, and compares the response with them. */
export const largeRequest = (url: string, bytes: number): string => `
  const more = () => ',"pad":"' + btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(750)))) + '"';
  const sent = (n) => '{"n":' + n + pads[n] + ',"key":"' + (1 + (n % 2)) + '"';
  const rows = ['{"id":"1","name":"one"}', '{"id":"2","name":"two"}'];
  const pads = [];
  const blocks = [];
  for (let size = 0; size < ${bytes}; size += blocks.at(-1).length) {
    const block = Array.from({ length: 500 }, () => sent(pads.push(more()) - 1) + '}\\n');
    blocks.push(block.join(''));
  }
  const response = await fetch(${JSON.stringify(url)}, { method: 'POST', body: new Blob(blocks) });
  let [recordsOut, equal, complete, rest] = [0, true, false, ''];
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\\n');
    rest = lines.pop();
    for (const line of lines) {
      complete = line.startsWith('{"$summary"');
      if (line.startsWith('{"$')) continue;
      equal &&= line === sent(recordsOut) + ',"answer":' + rows[recordsOut % 2] + '}';
      recordsOut += 1;
    }
  }
  return { complete, recordsIn: pads.length, recordsOut, equal: equal && recordsOut === pads.length };`;
