import type { JsonData } from '../../core/json/json-data.ts';
import { type Argument, type Arguments, RawJson } from '../../lookup/lookup.ts';
import { jsonValue } from './argument.ts';
import { jsonBody, quoted } from './body-template.ts';
import { type Part, parseTemplate, Template, TemplateError } from './template.ts';

/** The name under which the whole arguments of a request are passed to a template: no argument can have it. */
const everything = '*';

/** A body for many requests: `"{name}"` is the array of an argument's values, `"{*}"` the array of all arguments. */
export interface BatchBody {
  readonly parameters: readonly string[];
  /** Whether it has `"{*}"`. */
  readonly hasEverything: boolean;
  /** Throws RecordError `missing_argument`. */
  render(requests: readonly Arguments[]): string;
  /** As `render`, with `***` instead of secrets. */
  renderShown(args: Arguments): string;
}

/** Throws TemplateError. */
export function compileBatchBody(body: JsonData): BatchBody {
  if (typeof body === 'string' && !isWhole(body))
    throw new TemplateError('is text: expected a JSON structure, or exactly "{name}" or "{*}"');
  const template = jsonBody(body, { value: valueOf, name: constantOf });
  const hasEverything = template.variables.includes(everything);
  const given = (args: Arguments): Arguments =>
    hasEverything ? { ...args, [everything]: new RawJson(argumentObject(args)) } : args;
  return {
    parameters: template.variables.filter((name) => name !== everything),
    hasEverything,
    render: (requests) => template.renderJoined(hasEverything ? requests.map(given) : requests),
    renderShown: (args) => template.renderShown(given(args)),
  };
}

/** The arguments of one request as a JSON object. */
export function argumentObject(args: Arguments): string {
  const members = Object.entries(args).map(
    ([name, argument]: [string, Argument]) => `${JSON.stringify(name)}:${jsonValue(name, argument)}`,
  );
  return `{${members.join(',')}}`;
}

function isWhole(text: string): boolean {
  return text === `{${everything}}` || isArgument(parseTemplate(text));
}

function isArgument(parts: readonly Part[]): boolean {
  const [only] = parts;
  return parts.length === 1 && typeof only === 'object' && 'variable' in only;
}

function valueOf(text: string): Template {
  if (text === `{${everything}}`) return arrayOf(Template.of([{ variable: everything }], jsonValue));
  const parts = parseTemplate(text);
  return isArgument(parts) ? arrayOf(Template.of(parts, jsonValue)) : constantOf(text);
}

function arrayOf(values: Template): Template {
  return Template.join([new Template('['), values, new Template(']')]);
}

function constantOf(text: string): Template {
  const template = quoted(text);
  if (template.constant) return template;
  throw new TemplateError(
    `has an argument within the text ${JSON.stringify(text)}: in a batch it stands alone, as "{name}", and becomes an array`,
  );
}
