/** Where references are looked up. */
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a file; throws where it can not be read. */
  readonly readFile: (name: string) => string;
}

export interface Interpolated {
  readonly text: string;
  /** The text with `***` in the place of every value that was put in; undefined where none was. */
  readonly shown: string | undefined;
  /** What is wrong with the references, a sentence each. */
  readonly problems: readonly string[];
}

export const hidden = '***';

const reference = /\$\$\{|\$\{(?<body>[^}]*)\}|\$\{/g;
const variable = /^(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<otherwise>.*))?$/s;

/**
 * Puts in the values of `${VAR}`, `${VAR:-default}` (where VAR is unset or empty) and `${file:/run/secrets/token}`
 * (without the line break at its end). `$${` is `${`. What is put in is not looked at again.
 */
export function interpolate(text: string, sources: ReferenceSources): Interpolated {
  const problems: string[] = [];
  let replaced = false;
  const fill = (show: boolean): string =>
    text.replaceAll(reference, (match, body: string | undefined) => {
      if (match === '$${') return '${';
      replaced = true;
      if (show) return hidden;
      const value = body === undefined ? malformed : resolve(body, sources);
      if (typeof value === 'string') return value;
      problems.push(value.problem);
      return '';
    });
  const result = fill(false);
  return { text: result, shown: replaced ? fill(true) : undefined, problems };
}

/** The text that `interpolate` gives back as it is. */
export function escapeReferences(text: string): string {
  return text.replaceAll('${', () => '$${');
}

interface Failure {
  readonly problem: string;
}

const malformed: Failure = {
  problem: 'expected ${VAR}, ${VAR:-default} or ${file:/path} after "${"; write "$${" for the characters themselves',
};

function resolve(body: string, { env, readFile }: ReferenceSources): string | Failure {
  if (body.startsWith('file:')) return contents(body.slice('file:'.length), readFile);
  const { name, otherwise } = variable.exec(body)?.groups ?? {};
  if (name === undefined) return malformed;
  const value = env[name];
  if (otherwise !== undefined) return value === undefined || value === '' ? otherwise : value;
  return value ?? { problem: `the environment variable ${name} is not set; set it, or write \${${name}:-default}` };
}

function contents(name: string, readFile: ReferenceSources['readFile']): string | Failure {
  try {
    return readFile(name).replace(/\r?\n$/, '');
  } catch (error) {
    return { problem: `the file ${name} can not be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}
