import type { Arguments } from '../lookup/lookup.ts';
import { percentEncoded, refuse } from './argument.ts';
import { parseTemplate, Template, TemplateError } from './template.ts';

/**
 * An address whose path and query are made from arguments, and whose scheme, host and port never are.
 *
 *     http://host:9000/a/{x}/b-{y}?q={z}
 *     └── origin ───┘└ segments ──┘└ query: one template
 *
 * A segment is checked after it is filled in: one that says `.`, `..` or nothing would name another resource.
 */
interface Segment {
  /** What stands before it, the slash included. */
  readonly lead: string;
  readonly template: Template;
}

export interface UrlTemplate {
  /** For example `https://host:9000`. */
  readonly origin: string;
  readonly parameters: readonly string[];
  /** Path and query, percent-encoded. Throws RecordError `missing_argument`. */
  render(args: Arguments): string;
  /** The same with constants of the query hidden where their name says that they are secret. */
  renderShown(args: Arguments): string;
}

const authority = /^(https?):\/\/([^/?#]*)/i;
const secretName = /(?:api[-_]?key|token|secret|password|passwd|signature|credential|^sig$|authorization|^auth)/i;

/** Whether a constant of this name is hidden from clients. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** `query` is added to what the template's own query says. Throws TemplateError. */
export function compileUrl(template: string, query: Readonly<Record<string, string>> = {}): UrlTemplate {
  const origin = originOf(template);
  const rest = template.replace(authority, '');
  if (rest.includes('#'))
    throw new TemplateError('has a fragment ("#"), which is never sent: write %23 for the character');
  const mark = rest.indexOf('?');
  const segments = compilePath(mark < 0 ? rest : rest.slice(0, mark));
  const pairs = [...ownPairs(mark < 0 ? '' : rest.slice(mark + 1)), ...Object.entries(query).map(addedPair)];
  const sent = joinPairs(pairs.map((pair) => pair.template));
  const shown = joinPairs(pairs.map((pair) => pair.shown));
  return {
    origin,
    parameters: [...new Set([...segments.flatMap(({ template: part }) => part.variables), ...sent.variables])],
    render: (args) => renderPath(segments, args) + sent.render(args),
    renderShown: (args) => renderPath(segments, args) + shown.render(args),
  };
}

function originOf(template: string): string {
  const found = authority.exec(template);
  const host = found?.[2];
  if (host === undefined || host === '')
    throw new TemplateError('is no address: expected http:// or https:// and a host');
  if (/[{}]/.test(host)) {
    throw new TemplateError(
      `makes its host or port from a record ("${host}"): scheme, host and port have to be literal`,
    );
  }
  if (host.includes('@')) throw new TemplateError('holds a user name: write it under auth.basic');
  const parsed = URL.parse(`${found?.[1] ?? ''}://${host}`);
  if (parsed === null) throw new TemplateError(`has no valid host and port: "${host}"`);
  return parsed.origin;
}

function compilePath(path: string): readonly Segment[] {
  const segments: Segment[] = [];
  let lead = '';
  for (const text of (path === '' ? '/' : path).slice(1).split('/')) {
    lead += '/';
    const template = Template.of(parseTemplate(text), percentEncoded, percentEncodedLiteral);
    if (template.constant) lead += template.before;
    else {
      segments.push({ lead, template });
      lead = '';
    }
  }
  if (lead !== '') segments.push({ lead, template: new Template('') });
  return segments;
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
    path += lead + text;
  }
  return path;
}

const longestDots = '%2e%2e'.length;

function leavesSegment(text: string): boolean {
  if (text === '' || text === '.' || text === '..') return true;
  const dots = text.includes('%') ? text.toLowerCase().replaceAll('%2e', '.') : text;
  return dots === '.' || dots === '..';
}

interface Pair {
  readonly template: Template;
  readonly shown: Template;
}

function ownPairs(query: string): readonly Pair[] {
  if (query === '') return [];
  return query.split('&').map((text) => {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    return pairOf(name, Template.of(parseTemplate(text), percentEncoded, percentEncodedLiteral));
  });
}

function addedPair([name, value]: readonly [string, string]): Pair {
  const template = Template.of(parseTemplate(value), percentEncoded, encodeURIComponent);
  return pairOf(name, Template.join([new Template(`${encodeURIComponent(name)}=`), template]));
}

function pairOf(name: string, template: Template): Pair {
  const hidden = template.constant && isSecretName(name);
  return { template, shown: hidden ? new Template(`${encodeURIComponent(name)}=***`) : template };
}

function joinPairs(pairs: readonly Template[]): Template {
  return Template.join(pairs.flatMap((pair, place) => [new Template(place === 0 ? '?' : '&'), pair]));
}

/** Leaves what may stand in a URL, escapes included, as it was written. */
function percentEncodedLiteral(text: string): string {
  return encodeURI(text.toWellFormed()).replaceAll(/%25(?=[0-9A-Fa-f]{2})/g, '%');
}
