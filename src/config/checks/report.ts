import type { Finding, Path } from '../../core/finding.ts';
import { hidden, plainText } from '../../core/secrets/reference-text.ts';
import { Secrets } from '../../core/secrets/secrets.ts';
import type { ConfigDocument } from '../document/document.ts';
import type { Overlaid } from '../document/overlay.ts';
import { pathKey, valueAt } from '../document/path.ts';
import { broughtSecrets } from '../secrets-of.ts';
import type { Located } from './config-error.ts';

/** Finds the position of each finding, and hides secrets in its message. */
export class Report {
  readonly #source: string;
  readonly #document: ConfigDocument;
  readonly #origins: Overlaid['origins'];
  readonly #findings: Located[];
  readonly #secrets = new Secrets();

  constructor(source: string, document: ConfigDocument, overlaid: Overlaid) {
    this.#source = source;
    this.#document = document;
    this.#origins = overlaid.origins;
    this.#secrets.learn(broughtSecrets(document));
    this.#findings = [...overlaid.findings, ...document.findings].map((finding) => ({ file: source, ...finding }));
  }

  add(tree: unknown, findings: readonly Finding[]): void {
    for (const { path, message, place, nearest, within } of findings) {
      const where = this.#position(tree, { path, place, within });
      const guess = nearest === undefined ? {} : { nearest };
      this.#findings.push({ ...where, path, message: this.#hiding(tree, path, message), ...guess });
    }
  }

  /** In the order of the file; those whose value does not come from the file are first. */
  findings(): readonly Located[] {
    return this.#findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }

  #position(
    tree: unknown,
    { path, place, within }: { path: Path; place: Finding['place'] | undefined; within: number | undefined },
  ): Pick<Located, 'file' | 'line' | 'column'> {
    const origin = this.#origins.get(pathKey(path));
    if (origin !== undefined) return { file: origin };
    const { positions, lineColumn, characterAt } = this.#document;
    const start = positions.offset(path, place ?? 'value');
    const text = within === undefined ? undefined : valueAt(tree, path);
    const offset = typeof text === 'string' ? characterAt(start, text, within ?? 0) : start;
    return { file: this.#source, ...lineColumn(offset) };
  }

  /** The value of a reference may be a secret, and messages are logged. */
  #hiding(tree: unknown, path: Path, message: string): string {
    const value = valueAt(tree, path);
    const shown = this.#secrets.hide(message);
    if (!this.#document.shown.has(pathKey(path)) || typeof value !== 'string') return shown;
    const whole = plainText(value);
    // A shorter value may be part of a word of the message. If the message quotes the value, it is hidden already.
    return whole.length < 4 ? shown : shown.replaceAll(whole, () => hidden);
  }
}
