const secretName = /auth(?!ors?(?![a-z]))|passw|secret|token|cookie|credential|signature|api[-_]?key|^sig$/i;

/** Whether a value is secret by the name it stands under: `authorization`, `x-api-key`, `password`. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}
