import type { JsonValue } from '../core/json.ts';
import { jsonStringPart, jsonValue, percentEncoded, plainText, xmlText } from './argument.ts';
import { parseTemplate, Template, type Encoder } from './template.ts';

export interface BodyTemplate {
  readonly template: Template;
  /** Sent where the headers name none. */
  readonly contentType: string;
}

/**
 * A body from a template: text where it is a string, else JSON.
 *
 * In JSON a string that is exactly `{name}` becomes the argument's own JSON value, a number a number;
 * inside a longer string, and in a member's name, the argument is text. In text it is escaped as the content type
 * asks: form, JSON and XML have their escapes, any other text has none. Throws TemplateError.
 */
export function compileBody(body: JsonValue, contentType: string | undefined): BodyTemplate {
  if (typeof body === 'string') {
    const type = contentType ?? 'text/plain; charset=utf-8';
    return { template: Template.of(parseTemplate(body), encoderFor(type)), contentType: type };
  }
  return { template: Template.join(jsonTemplates(body)), contentType: contentType ?? 'application/json' };
}

function encoderFor(contentType: string): Encoder {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/x-www-form-urlencoded') return percentEncoded;
  if (type.endsWith('json')) return jsonStringPart;
  if (type.endsWith('xml')) return xmlText;
  return plainText;
}

function jsonTemplates(value: JsonValue): readonly Template[] {
  if (typeof value === 'string') return [jsonString(value)];
  if (value === null || typeof value !== 'object') return [literal(JSON.stringify(value))];
  if (isArray(value)) {
    return [literal('['), ...value.flatMap((item, place) => [comma(place), ...jsonTemplates(item)]), literal(']')];
  }
  const members = Object.entries(value).flatMap(([name, member], place) => [
    comma(place),
    quoted(name),
    literal(':'),
    ...jsonTemplates(member),
  ]);
  return [literal('{'), ...members, literal('}')];
}

function jsonString(text: string): Template {
  const parts = parseTemplate(text);
  return parts.length === 1 && typeof parts[0] !== 'string' ? Template.of(parts, jsonValue) : quoted(text);
}

function quoted(text: string): Template {
  const inside = Template.of(parseTemplate(text), jsonStringPart, (part) => JSON.stringify(part).slice(1, -1));
  return Template.join([literal('"'), inside, literal('"')]);
}

function literal(text: string): Template {
  return new Template(text);
}

function comma(place: number): Template {
  return literal(place === 0 ? '' : ',');
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
