import type { Finding, Path } from '../../core/finding.ts';
import { pathKey } from './path.ts';

/** Offsets into the text: of the key, where the value is a member of a map, and of the value. */
interface Span {
  readonly key: number | undefined;
  readonly value: number;
}

/** Where every value of the file stands. */
export class Positions {
  readonly #spans = new Map<string, Span>();

  set(path: Path, key: number | undefined, value: number): void {
    this.#spans.set(pathKey(path), { key, value });
  }

  /** The offset of what a path names or, where there is no such thing, of the nearest thing around it. */
  offset(path: Path, place: NonNullable<Finding['place']>): number {
    const span = this.#spans.get(pathKey(path));
    if (span !== undefined) return place === 'value' ? span.value : (span.key ?? span.value);
    return path.length === 0 ? 0 : this.offset(path.slice(0, -1), 'key');
  }
}
