import { RecordError } from '../../core/errors.ts';
import { numberText } from '../../core/json/json-number.ts';
import { RawJson, type Argument } from '../../lookup/lookup.ts';
import type { Encoder } from './template.ts';

/** How an argument becomes text: one way for each kind of place. */

const shownCharacters = 60;

export function refuse(name: string, rule: string, argument: Argument | string | undefined): never {
  throw new RecordError(
    'missing_argument',
    `argument "${name}" ${rule}${argument === undefined ? '' : `: ${shown(argument)}`}`,
  );
}

function shown(argument: Argument | string): string {
  const json = argument instanceof RawJson ? argument.source : JSON.stringify(argument);
  return json.length > shownCharacters ? `${json.slice(0, shownCharacters)}…` : json;
}

/** The argument as plain text. An object or an array is refused. */
export function scalarText(name: string, argument: Argument | undefined): string {
  if (typeof argument === 'string') return argument;
  if (argument instanceof RawJson && isStructure(argument))
    refuse(name, 'cannot be an object or an array here', argument);
  return anyText(name, argument);
}

/** As `scalarText`, but an object or an array becomes its JSON text. */
function anyText(name: string, argument: Argument | undefined): string {
  if (typeof argument === 'string') return argument;
  if (typeof argument === 'number') return numberText(argument);
  if (typeof argument === 'boolean') return String(argument);
  if (argument instanceof RawJson) return argument.source;
  return refuse(name, 'is missing', undefined);
}

function isStructure({ source }: RawJson): boolean {
  const first = source.trimStart()[0];
  return first === '{' || first === '[';
}

/** Text that UTF-8 can encode. A lone half of a surrogate pair is refused. */
function wellFormed(name: string, text: string): string {
  return text.isWellFormed() ? text : refuse(name, 'has half of a surrogate pair, which UTF-8 cannot encode', text);
}

/** For a part of a path, a query or a form: every character but letters, digits and `-_.!~*'()` becomes %XX. */
export const percentEncoded: Encoder = (name, argument) =>
  encodeURIComponent(wellFormed(name, scalarText(name, argument)));

/** For a header's value: no control characters, nothing beyond Latin-1 (RFC 9110, 5.5). */
export const headerText: Encoder = (name, argument) => {
  const text = scalarText(name, argument);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) refuse(name, 'has a control character, which a header cannot have', text);
    if (code > 0xff) refuse(name, 'has a character beyond Latin-1, which a header cannot have', text);
  }
  if (text.startsWith(' ') || text.endsWith(' '))
    refuse(name, 'begins or ends with a space, which is removed from a header', text);
  return text;
};

/** For the place of a whole JSON value. */
export const jsonValue: Encoder = (name, argument) =>
  typeof argument === 'string' ? JSON.stringify(argument) : anyText(name, argument);

/** For the inside of a JSON string. */
export const jsonStringPart: Encoder = (name, argument) => JSON.stringify(anyText(name, argument)).slice(1, -1);

/** Without these entities a reader of XML turns a bare CR into a line feed, and any line break or tab of an attribute into a space. */
const xmlEntities = new Map([
  ['\t', '&#9;'],
  ['\n', '&#10;'],
  ['\r', '&#13;'],
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]);

/** For the text or an attribute of an XML document. */
export const xmlText: Encoder = (name, argument) => {
  let escaped = '';
  for (const character of wellFormed(name, anyText(name, argument))) {
    const entity = xmlEntities.get(character);
    if (entity === undefined && (character < ' ' || character === '\uFFFE' || character === '\uFFFF')) {
      refuse(name, 'has a character that XML cannot have', anyText(name, argument));
    }
    escaped += entity ?? character;
  }
  return escaped;
};

/** For any other kind of text: no escapes. */
export const plainText: Encoder = (name, argument) => wellFormed(name, anyText(name, argument));
