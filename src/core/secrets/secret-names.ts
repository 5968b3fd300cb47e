/** The one list of the names that say that a value is secret: of members and headers, in queries of addresses, in the log. */

const words = 'passw|secret|token|signature|credential|api[-_]?key';

const secretName = new RegExp(`auth(?!ors?(?![a-z]))|cookie|${words}|^sig$`, 'i');

/** Whether the name says that the value is secret: `authorization`, `x-api-key`, `password`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** Part of the name of a parameter in the query of an address. */
export const secretParameter = `auth|${words}`;

/** Members of a line of the log whose value is never written. */
export const secretLogMembers = [
  'authorization',
  'Authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'password',
  'token',
  'bearerTokens',
  'secret',
] as const;
