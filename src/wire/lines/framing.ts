/** How a response separates records: `prefix`, one line of JSON, `suffix`. */
export interface Framing {
  readonly mediaType: string;
  readonly prefix: string;
  readonly suffix: string;
  /** Whether a CR ends a line for the reader: then a CR between the tokens of a record is removed. */
  readonly crEndsLine: boolean;
}

export const ndjson: Framing = { mediaType: 'application/x-ndjson', prefix: '', suffix: '\n', crEndsLine: false };

/** RFC 7464. */
export const jsonSequence: Framing = {
  mediaType: 'application/json-seq',
  prefix: '\u001e',
  suffix: '\n',
  crEndsLine: false,
};

/** WHATWG HTML, section 9.2: a record is one `data` field, which LF, CR and CRLF end. */
export const eventStream: Framing = {
  mediaType: 'text/event-stream',
  prefix: 'data: ',
  suffix: '\n\n',
  crEndsLine: true,
};
