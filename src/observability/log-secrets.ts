const rules: readonly (readonly [secret: RegExp, shown: string])[] = [
  // The user and the password of an address.
  [/(?<=:\/\/)(?:[^/?#@\s"\\]|\\[^n])+(?=@)/g, '***'],
  // What stands in a query under a name that says what it is.
  [
    /(?<=[?&][^=&#\s"\\]*(?:auth|passw|secret|token|signature|credential|api[-_]?key)[^=&#\s"\\]*=)[^&#\s"\\]+/gi,
    '***',
  ],
  // Credentials of a header, but not the words "Basic authentication".
  [/\b(Bearer|Basic) (?=[A-Za-z]*[\d+/=._~-])[\w+/=.~-]+/g, '$1 ***'],
];

/** A line of the log, which is JSON and stays so, without the secrets that stand within its texts. */
export function withoutSecrets(line: string): string {
  return rules.reduce((text, [secret, shown]) => text.replaceAll(secret, shown), line);
}
