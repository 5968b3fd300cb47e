/** A part of a name that says that the value is secret. */
interface SecretPart {
  /** Pattern of the part, in names of members and headers. */
  readonly name: string;
  /** Pattern of the part in the names of the parameters of an address. Default: no such parameter. */
  readonly parameter?: string;
  /** Whole names with this part whose value no line of the log shows. */
  readonly logMembers: readonly string[];
}

const part = (pattern: string, ...logMembers: string[]): SecretPart => ({
  name: pattern,
  parameter: pattern,
  logMembers,
});

/** The one list of the names that say that a value is secret: of members and headers, in queries of addresses, in the log. */
const parts: readonly SecretPart[] = [
  {
    name: 'auth(?!ors?(?![a-z]))',
    parameter: 'auth',
    logMembers: ['authorization', 'Authorization', 'proxy-authorization'],
  },
  { name: 'cookie', logMembers: ['cookie', 'set-cookie'] },
  part('passw', 'password'),
  part('secret', 'secret'),
  part('token', 'token', 'bearerTokens'),
  part('signature'),
  part('credential'),
  part('assertion'),
  part('api[-_]?key', 'x-api-key'),
  { name: '^sig$', logMembers: [] },
];

const secretName = new RegExp(parts.map(({ name }) => name).join('|'), 'i');

/** Whether the name says that the value is secret: `authorization`, `x-api-key`, `password`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** Part of the name of a parameter in the query of an address. */
export const secretParameter = parts.flatMap(({ parameter }) => parameter ?? []).join('|');

/** Members of a line of the log whose value is never written. */
export const secretLogMembers = parts.flatMap(({ logMembers }) => logMembers);
