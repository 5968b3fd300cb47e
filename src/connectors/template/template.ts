import { hidden, piecesOf } from '../../core/secrets/reference-text.ts';
import type { Argument, Arguments } from '../../lookup/lookup.ts';

/**
 * Text with holes: `{name}` is an argument, `{{` and `}}` are braces. The text of a reference is literal.
 *
 *     "/airports/{iata}.json"  ▶  before: "/airports/"   holes: [ iata ▷ encode ▷ ".json" ]
 *
 * It is divided once, when the configuration is read. Rendering only concatenates.
 */
export type Part = string | { readonly variable: string } | { readonly reference: string };

/** Turns an argument into text that cannot leave its place in the template. Refuses an argument without such a text. */
export type Encoder = (name: string, argument: Argument | undefined) => string;

/** A template that cannot be used. Thrown when the configuration is read. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const variableName = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const brace = /\{\{|\}\}|\{|\}/g;

/** Throws TemplateError for a brace without its partner and for an invalid name. */
export function parseTemplate(template: string): readonly Part[] {
  return piecesOf(template).flatMap(({ text, reference }) => (reference ? [{ reference: text }] : parseText(text)));
}

function parseText(template: string): readonly Part[] {
  const parts: Part[] = [];
  let literal = '';
  let from = 0;
  brace.lastIndex = 0;
  for (let match = brace.exec(template); match !== null; match = brace.exec(template)) {
    literal += template.slice(from, match.index);
    if (match[0] === '{') {
      const end = template.indexOf('}', match.index);
      const variable = template.slice(match.index + 1, end < 0 ? undefined : end);
      if (end < 0 || !variableName.test(variable)) {
        throw new TemplateError(
          `"{${variable}${end < 0 ? '' : '}'}" is not an argument: expected a name of letters, digits, _ and - in braces; write {{ for a brace`,
        );
      }
      if (literal !== '') parts.push(literal);
      parts.push({ variable });
      literal = '';
      brace.lastIndex = end + 1;
    } else if (match[0] === '}') {
      throw new TemplateError(`"}" at ${match.index + 1} closes nothing; write }} for a brace`);
    } else {
      literal += match[0][0];
    }
    from = brace.lastIndex;
  }
  literal += template.slice(from);
  if (literal !== '') parts.push(literal);
  return parts;
}

interface Hole {
  readonly variable: string;
  readonly encode: Encoder;
  readonly after: string;
  /** `after` with `***` instead of secrets. */
  readonly shownAfter: string;
}

/** How the text between arguments is encoded. */
export interface LiteralEncoders {
  /** Encodes the text of the configuration. */
  readonly literal: (text: string) => string;
  /** Encodes the text of a reference. */
  readonly reference: (text: string) => string;
}

export class Template {
  readonly before: string;
  readonly holes: readonly Hole[];
  /** `before` with `***` instead of secrets. */
  readonly shownBefore: string;

  constructor(before: string, holes: readonly Hole[] = [], shownBefore = before) {
    this.before = before;
    this.holes = holes;
    this.shownBefore = shownBefore;
  }

  /** A secret constant. */
  static secret(text: string): Template {
    return new Template(text, [], hidden);
  }

  static of(parts: readonly Part[], encode: Encoder, { literal, reference }: LiteralEncoders = unchanged): Template {
    return Template.join(
      parts.map((part) => {
        if (typeof part === 'string') return new Template(literal(part));
        if ('reference' in part) return Template.secret(reference(part.reference));
        return new Template('', [{ variable: part.variable, encode, after: '', shownAfter: '' }]);
      }),
    );
  }

  /** Joins templates; each keeps its own encoding. */
  static join(templates: readonly Template[]): Template {
    let start = '';
    let shownStart = '';
    const joined: Hole[] = [];
    for (const { before, shownBefore, holes } of templates) {
      const last = joined.pop();
      if (last === undefined) {
        start += before;
        shownStart += shownBefore;
      } else joined.push({ ...last, after: last.after + before, shownAfter: last.shownAfter + shownBefore });
      joined.push(...holes);
    }
    return new Template(start, joined, shownStart);
  }

  get variables(): readonly string[] {
    return this.holes.map((hole) => hole.variable);
  }

  get constant(): boolean {
    return this.holes.length === 0;
  }

  /** Throws RecordError `missing_argument` for an argument that is refused. */
  render(args: Arguments): string {
    let text = this.before;
    for (const hole of this.holes) text += hole.encode(hole.variable, args[hole.variable]) + hole.after;
    return text;
  }

  /** As `render`, for several requests: at each argument stand the values of all of them, separated by commas. */
  renderJoined(requests: readonly Arguments[]): string {
    let text = this.before;
    for (const { variable, encode, after } of this.holes)
      text += requests.map((args) => encode(variable, args[variable])).join(',') + after;
    return text;
  }

  /** As `render`, with `***` instead of secrets. */
  renderShown(args: Arguments): string {
    let text = this.shownBefore;
    for (const hole of this.holes) text += hole.encode(hole.variable, args[hole.variable]) + hole.shownAfter;
    return text;
  }
}

const unchanged: LiteralEncoders = { literal: (text) => text, reference: (text) => text };
