/** The record `n` as it is sent to the service of `startService`; `more` are further members, such as `,"pad":"…"`. */
export const sent = (n: number, more = ''): string => `{"n":${n}${more},"key":"${1 + (n % 2)}"}\n`;

/** The same as it comes back. */
export function answered(n: number, more = ''): string {
  const row = n % 2 === 0 ? '{"id":"1","name":"one"}' : '{"id":"2","name":"two"}';
  return `{"n":${n}${more},"key":"${1 + (n % 2)}","answer":${row}}\n`;
}
