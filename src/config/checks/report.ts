import { Secrets } from '../../core/secrets/secrets.ts';
import type { ConfigProblem } from './config-error.ts';
import type { ConfigIssue } from './cross-checks.ts';
import type { ConfigDocument } from '../document/document.ts';
import { hidden, plainText } from '../../core/secrets/reference-text.ts';
import type { Overlaid } from '../document/overlay.ts';
import { type Path, pathKey, pathText, valueAt } from '../document/path.ts';
import { broughtSecrets } from '../secrets-of.ts';

/** Everything that was found, with its place. */
export class Report {
  readonly #source: string;
  readonly #document: ConfigDocument;
  readonly #origins: Overlaid['origins'];
  readonly #problems: ConfigProblem[];
  readonly #secrets = new Secrets();

  constructor(source: string, document: ConfigDocument, { origins, problems }: Overlaid) {
    this.#source = source;
    this.#document = document;
    this.#origins = origins;
    this.#problems = [...problems];
    this.#secrets.learn(broughtSecrets(document));
    for (const { offset, path, message } of document.problems) {
      this.#problems.push({ file: source, ...document.lineColumn(offset), path: pathText(path), message });
    }
  }

  add(tree: unknown, findings: readonly ConfigIssue[]): void {
    const { positions, lineColumn, characterAt } = this.#document;
    for (const { path, message, place = 'value', nearest, within } of findings) {
      const origin = this.#origins.get(pathKey(path));
      const start = positions.offset(path, place);
      const text = within === undefined ? undefined : valueAt(tree, path);
      const offset = typeof text === 'string' ? characterAt(start, text, within ?? 0) : start;
      const where = origin === undefined ? { file: this.#source, ...lineColumn(offset) } : { file: origin };
      const guess = nearest === undefined ? {} : { nearest };
      this.#problems.push({ ...where, path: pathText(path), message: this.#hiding(tree, path, message), ...guess });
    }
  }

  /** In the order of the file; what comes from outside it stands first. */
  problems(): readonly ConfigProblem[] {
    return this.#problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }

  /** What a reference was replaced by may be a secret, and a message goes to logs. */
  #hiding(tree: unknown, path: Path, message: string): string {
    const value = valueAt(tree, path);
    const shown = this.#secrets.hide(message);
    if (!this.#document.shown.has(pathKey(path)) || typeof value !== 'string') return shown;
    const whole = plainText(value);
    // A shorter one stands in words of the message itself; where the message quotes the value, it is hidden already.
    return whole.length < 4 ? shown : shown.replaceAll(whole, () => hidden);
  }
}
