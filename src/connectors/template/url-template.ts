import { hidden, piecesOf, plainText } from '../../core/secrets/reference-text.ts';
import { isSecretName } from '../../core/secrets/secret-names.ts';
import type { Arguments } from '../../lookup/lookup.ts';
import { percentEncoded, refuse } from './argument.ts';
import { parseTemplate, Template, TemplateError, type LiteralEncoders } from './template.ts';

/**
 * An address. Its path and query may have arguments; its scheme, host and port may not.
 *
 *     http://host:9000/a/{x}/b-{y}?q={z}
 *     └── origin ───┘└ segments ──┘└ query: one template
 *
 * A segment is checked after it is rendered: `.`, `..` and an empty segment would name another resource.
 */
interface Segment {
  /** The constant text before the segment, the slash included. */
  readonly lead: Template;
  readonly template: Template;
}

export interface UrlTemplate {
  /** For example `https://host:9000`. */
  readonly origin: string;
  readonly parameters: readonly string[];
  /** The path as written, with `***` instead of references. */
  readonly shownPath: string;
  /** Path and query, percent-encoded. Throws RecordError `missing_argument`. */
  render(args: Arguments): string;
  /** As `render`, with the values of several requests at each argument. Each request can be rendered by itself. */
  renderJoined(requests: readonly Arguments[]): string;
  /** As `render`, with `***` instead of references and of constants in the query whose name is that of a secret. */
  renderShown(args: Arguments): string;
}

/**
 * A part of a url, and how it is read: `text` as a URL and a template, `address` as a URL alone, `value` as neither. A
 * reference that begins in scheme, host or port, or directly after them, may have a path and a query: it is an `address`.
 */
interface UrlPiece {
  readonly text: string;
  readonly kind: 'text' | 'address' | 'value';
}

const authority = /^(https?):\/\/([^/?#]*)/i;

/** `query` is added to the query of the template. Throws TemplateError. */
export function compileUrl(template: string, query: Readonly<Record<string, string>> = {}): UrlTemplate {
  const { origin, pieces } = divided(template);
  if (pieces.some(({ text, kind }) => kind !== 'value' && text.includes('#')))
    throw new TemplateError('has a fragment ("#"), which is never sent: write %23 for the character');
  const [path = [], ...queries] = splitAt(pieces, '?');
  const segments = compilePath(path);
  const own = queries.length === 0 ? [] : splitAt(joinPieces(queries, '?'), '&').map(ownPair);
  const sent = joinPairs([...own, ...Object.entries(query).map(addedPair)]);
  return {
    origin,
    parameters: [...new Set([...segments.flatMap(({ template: part }) => part.variables), ...sent.variables])],
    shownPath: shownOf(path) || '/',
    render: (args) => renderPath(segments, args) + sent.render(args),
    renderJoined: (requests) =>
      segments.map(({ lead, template: part }) => lead.before + part.renderJoined(requests)).join('') +
      sent.renderJoined(requests),
    renderShown(args) {
      // Throws the error that `render` would throw for the path.
      renderPath(segments, args);
      return shownPath(segments, args) + sent.renderShown(args);
    },
  };
}

/** Separates scheme, host and port from the other pieces. */
function divided(template: string): { readonly origin: string; readonly pieces: readonly UrlPiece[] } {
  const found = authority.exec(plainText(template));
  const length = found?.[0].length ?? 0;
  const pieces: UrlPiece[] = [];
  let start = 0;
  let literal = '';
  for (const { text, reference } of piecesOf(template)) {
    const inOrigin = Math.max(0, Math.min(text.length, length - start));
    if (!reference) literal += text.slice(0, inOrigin);
    const kind = !reference ? 'text' : start <= length ? 'address' : 'value';
    if (inOrigin < text.length) pieces.push({ text: text.slice(inOrigin), kind });
    start += text.length;
  }
  return { origin: originOf(found, literal), pieces };
}

/** `literal` is the origin without the text of references. */
function originOf(found: RegExpExecArray | null, literal: string): string {
  const host = found?.[2];
  if (host === undefined || host === '')
    throw new TemplateError('is not an address: expected http:// or https:// and a host');
  if (/[{}]/.test(literal)) {
    throw new TemplateError(
      `makes its host or port from a record ("${host}"): scheme, host and port have to be literal`,
    );
  }
  if (host.includes('@')) throw new TemplateError('has a user name: write it under auth.basic');
  const parsed = URL.parse(`${found?.[1] ?? ''}://${host}`);
  if (parsed === null || /[{}]/.test(host)) throw new TemplateError(`has no valid host and port: "${host}"`);
  return parsed.origin;
}

/** Divides at a character. The text of a reference is not divided, unless the reference is part of the address. */
function splitAt(pieces: readonly UrlPiece[], separator: string): readonly (readonly UrlPiece[])[] {
  const groups: UrlPiece[][] = [[]];
  for (const { text, kind } of pieces) {
    const parts = kind === 'value' ? [text] : text.split(separator);
    for (const [index, part] of parts.entries()) {
      if (index > 0) groups.push([]);
      if (part !== '') groups.at(-1)?.push({ text: part, kind });
    }
  }
  return groups;
}

/** Joins the groups that `splitAt` made. */
function joinPieces(groups: readonly (readonly UrlPiece[])[], separator: string): readonly UrlPiece[] {
  return groups.flatMap((group, index) =>
    index === 0 ? group : [{ text: separator, kind: 'text' as const }, ...group],
  );
}

function compilePath(path: readonly UrlPiece[]): readonly Segment[] {
  const segments: Segment[] = [];
  let lead: readonly Template[] = [];
  const [, ...groups] = path.length === 0 ? [[], []] : splitAt(path, '/');
  for (const group of groups) {
    lead = [...lead, new Template('/')];
    const template = templateOf(group);
    if (template.constant) {
      if (group.some(({ kind }) => kind === 'value') && template.before !== '' && leavesSegment(template.before)) {
        throw new TemplateError(
          'has a reference that makes the path segment "." or "..", which names another resource',
        );
      }
      lead = [...lead, template];
    } else {
      segments.push({ lead: Template.join(lead), template });
      lead = [];
    }
  }
  if (lead.length > 0) segments.push({ lead: Template.join(lead), template: new Template('') });
  return segments;
}

function templateOf(pieces: readonly UrlPiece[]): Template {
  return Template.join(
    pieces.map(({ text, kind }) => {
      if (kind === 'text') return Template.of(parseTemplate(text), percentEncoded, inUrl);
      return Template.secret(kind === 'address' ? percentEncodedLiteral(text) : percentEncodedValue(text));
    }),
  );
}

function shownOf(pieces: readonly UrlPiece[]): string {
  return pieces.map(({ text, kind }) => (kind === 'text' ? text : hidden)).join('');
}

function renderPath(segments: readonly Segment[], args: Arguments): string {
  let path = '';
  for (const { lead, template } of segments) {
    const text = template.render(args);
    if (text.length <= longestDots && !template.constant && leavesSegment(text)) {
      refuse(
        template.variables.join('", "'),
        `makes the path segment "${text}", which would name another resource`,
        undefined,
      );
    }
    path += lead.before + text;
  }
  return path;
}

function shownPath(segments: readonly Segment[], args: Arguments): string {
  return segments.map(({ lead, template }) => lead.shownBefore + template.renderShown(args)).join('');
}

const longestDots = '%2e%2e'.length;

function leavesSegment(text: string): boolean {
  if (text === '' || text === '.' || text === '..') return true;
  const dots = text.includes('%') ? text.toLowerCase().replaceAll('%2e', '.') : text;
  return dots === '.' || dots === '..';
}

function ownPair(pieces: readonly UrlPiece[]): Template {
  const equals = pieces.findIndex(({ text, kind }) => kind !== 'value' && text.includes('='));
  const before = equals < 0 ? pieces : pieces.slice(0, equals);
  const name = shownOf(before) + (pieces[equals]?.text.split('=')[0] ?? '');
  return pairOf(name, templateOf(pieces));
}

function addedPair([name, value]: readonly [string, string]): Template {
  const inner = Template.of(parseTemplate(value), percentEncoded, added);
  return pairOf(name, Template.join([new Template(`${encodeURIComponent(name)}=`), inner]));
}

function pairOf(name: string, template: Template): Template {
  const secret = template.constant && isSecretName(name);
  return secret ? new Template(template.before, [], `${encodeURIComponent(name)}=${hidden}`) : template;
}

function joinPairs(pairs: readonly Template[]): Template {
  return Template.join(pairs.flatMap((pair, index) => [new Template(index === 0 ? '?' : '&'), pair]));
}

/** Encodes the characters that a URL cannot have. Escapes stay as they are. */
function percentEncodedLiteral(text: string): string {
  return encodeURI(text.toWellFormed()).replaceAll(/%25(?=[0-9A-Fa-f]{2})/g, '%');
}

function percentEncodedValue(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

const inUrl: LiteralEncoders = { literal: percentEncodedLiteral, reference: percentEncodedValue };
const added: LiteralEncoders = { literal: percentEncodedValue, reference: percentEncodedValue };
