import { RecordError } from '../../core/errors.ts';
import { isDataObject, type JsonData, SpelledNumber } from '../../core/json/json-data.ts';
import { hidden } from '../../core/secrets/reference-text.ts';
import { isSecretName } from '../../core/secrets/secret-names.ts';
import { jsonStringPart, jsonValue, percentEncoded, plainText, xmlText } from './argument.ts';
import { type LiteralEncoders, type Part, parseTemplate, Template, TemplateError, type Encoder } from './template.ts';

export interface BodyTemplate {
  readonly template: Template;
  /** Sent if the configuration has no header `content-type`. */
  readonly contentType: string;
}

/**
 * A body from a template: a string is text, anything else is JSON.
 *
 * In JSON a string that is exactly `{name}` becomes the argument's own JSON value, so a number stays a number. In a longer
 * string, and in the name of a member, the argument is text. In text an argument is escaped by the content type: form,
 * JSON and XML have their escapes, any other text has none. The text of a reference is escaped in the same way, unless it
 * is the whole body. Throws TemplateError.
 */
export function compileBody(body: JsonData, contentType: string | undefined): BodyTemplate {
  if (typeof body === 'string') {
    const type = contentType ?? 'text/plain; charset=utf-8';
    return { template: textTemplate(parseTemplate(body), encoderFor(type)), contentType: type };
  }
  return {
    template: jsonBody(body, { value: jsonString, name: quoted }),
    contentType: contentType ?? 'application/json',
  };
}

/** How the texts in a JSON structure become templates. */
interface JsonTexts {
  readonly value: (text: string) => Template;
  readonly name: (text: string) => Template;
}

/** A template of a JSON value. */
export function jsonBody(body: JsonData, texts: JsonTexts): Template {
  return Template.join(jsonTemplates(body, texts, false));
}

function textTemplate(parts: readonly Part[], encode: Encoder): Template {
  return parts.length === 1 ? Template.of(parts, encode) : Template.of(parts, encode, textLiterals(encode));
}

function textLiterals(encode: Encoder): LiteralEncoders {
  return {
    literal: (text) => text,
    reference(text) {
      try {
        return encode('', text);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        throw new TemplateError('has a reference with a character that cannot stand here');
      }
    },
  };
}

function encoderFor(contentType: string): Encoder {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/x-www-form-urlencoded') return percentEncoded;
  if (type.endsWith('json')) return jsonStringPart;
  if (type.endsWith('xml')) return xmlText;
  return plainText;
}

/** `secret`: the name of an outer member says that the constants in it are secret. */
function jsonTemplates(value: JsonData, texts: JsonTexts, secret: boolean): readonly Template[] {
  if (typeof value === 'string') return [constantHidden(texts.value(value), secret && value !== '')];
  if (isDataObject(value)) {
    const members = Object.entries(value).flatMap(([name, member], index) => [
      comma(index),
      texts.name(name),
      literal(':'),
      ...jsonTemplates(member, texts, secret || isSecretName(name)),
    ]);
    return [literal('{'), ...members, literal('}')];
  }
  if (isList(value)) {
    const items = value.flatMap((item, index) => [comma(index), ...jsonTemplates(item, texts, secret)]);
    return [literal('['), ...items, literal(']')];
  }
  const source = value instanceof SpelledNumber ? value.source : JSON.stringify(value);
  return [constantHidden(literal(source), secret && value !== null)];
}

function constantHidden(template: Template, secret: boolean): Template {
  return secret && template.constant ? new Template(template.before, [], `"${hidden}"`) : template;
}

function jsonString(text: string): Template {
  const parts = parseTemplate(text);
  const [only] = parts;
  const argument = parts.length === 1 && typeof only === 'object' && 'variable' in only;
  return argument ? Template.of(parts, jsonValue) : quoted(text);
}

/** The text as a JSON string. */
export function quoted(text: string): Template {
  const inside = Template.of(parseTemplate(text), jsonStringPart, { literal: unquoted, reference: unquoted });
  return Template.join([literal('"'), inside, literal('"')]);
}

function unquoted(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function literal(text: string): Template {
  return new Template(text);
}

function comma(index: number): Template {
  return literal(index === 0 ? '' : ',');
}

function isList(value: JsonData): value is readonly JsonData[] {
  return Array.isArray(value);
}
