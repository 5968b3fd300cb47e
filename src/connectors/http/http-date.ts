/** The last date that was read: the answers of one second have the same one. */
let last: { readonly value: string; readonly ms: number | undefined } = { value: '', ms: undefined };

/** Milliseconds since 1970 of a date in a header (RFC 9110, 5.6.7); undefined if it is none. */
export function httpDateMs(value: string): number | undefined {
  if (value !== last.value) last = { value, ms: parsed(value) };
  return last.ms;
}

function parsed(value: string): number | undefined {
  // The form of asctime names no zone: it is UTC.
  const zoned = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/.test(value) ? `${value} UTC` : value;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? undefined : ms;
}
