import type { Finding } from '../../core/finding.ts';
import { type ConfigDocument, scalarOf } from '../document/document.ts';
import { hidden } from '../../core/secrets/reference-text.ts';
import { withoutUrlSecrets } from '../../core/secrets/secrets.ts';
import { check, type Show } from './issues.ts';
import type { Overlaid } from '../document/overlay.ts';
import { isMap, pathKey, valueAt, withValue } from '../document/path.ts';
import { isSecretPlace } from '../redact.ts';
import { type Config, configSchema } from '../schema/schema.ts';

export interface Examined {
  readonly tree: unknown;
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Checks a configuration against the schema. The value of a reference, of a variable or of a flag is text. If the schema
 * refuses the text, it is read as the number or the boolean that it spells.
 */
export function examine({ value, origins }: Overlaid, { shown, broken }: ConfigDocument): Examined {
  const show: Show = (path, actual) => (shown.has(pathKey(path)) || isSecretPlace(path) ? hidden : words(actual));
  const attempt = (tree: unknown): Examined & { readonly texts: ReadonlySet<Finding> } => {
    const checked = check(configSchema, tree, show);
    if ('value' in checked) return { tree, config: checked.value, findings: [], texts: new Set() };
    const findings = checked.findings.filter(({ path }) => !broken.has(pathKey(path)));
    return { tree, config: undefined, findings, texts: checked.texts };
  };
  const first = attempt(value);
  const texts = first.findings.filter(
    (finding) => first.texts.has(finding) && [shown, origins].some((outside) => outside.has(pathKey(finding.path))),
  );
  if (texts.length === 0) return first;
  return attempt(texts.reduce((tree, { path }) => withValue(tree, path, scalarOf(String(valueAt(tree, path)))), value));
}

function words(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  const text = JSON.stringify(typeof value === 'string' ? withoutUrlSecrets(value) : value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
