/** How a record is set apart from its neighbours in a response: `prefix`, one line of JSON, `suffix`. */
export interface Framing {
  readonly mediaType: string;
  readonly prefix: string;
  readonly suffix: string;
}

export const ndjson: Framing = { mediaType: 'application/x-ndjson', prefix: '', suffix: '\n' };

/** RFC 7464. */
export const jsonSequence: Framing = { mediaType: 'application/json-seq', prefix: '\u001e', suffix: '\n' };

/** WHATWG HTML, section 9.2: a record is one `data` field, as it holds no line break. */
export const eventStream: Framing = { mediaType: 'text/event-stream', prefix: 'data: ', suffix: '\n\n' };
