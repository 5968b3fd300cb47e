import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { stringify } from 'yaml';
import { recordErrors } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../core/json/json.ts';
import type { AppOptions } from '../app-options.ts';
import { adminPaths, adminSchemas } from './openapi-admin.ts';
import { enrichRequestBody, enrichResponses, enrichSchemas } from './openapi-enrich.ts';
import { explainRequestBody, explainResponses, listResponses, opsSchemas, showResponses } from './openapi-ops.ts';
import { accessCodes, problemSchema, problemResponses } from './openapi-problems.ts';
import { asOpenApi31, servedDocument } from './openapi-served.ts';
import { namesFor, refuseOtherMethods } from '../routing.ts';

/** Bodies and responses in the form of OpenAPI 3.2, which the route schemas of Fastify cannot hold (`itemSchema`). */
const operations: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  '/v1/enrich/{pipeline}': {
    post: {
      requestBody: enrichRequestBody,
      responses: merged(
        enrichResponses,
        problemResponses([...accessCodes, 'forbidden', 'unknown_pipeline', 'draining']),
      ),
    },
  },
  '/v1/pipelines': { get: { responses: listResponses } },
  '/v1/pipelines/{pipeline}': { get: { responses: showResponses } },
  '/v1/explain/{pipeline}': { post: { requestBody: explainRequestBody, responses: explainResponses } },
};

/**
 * The Content-Security-Policy of the pages under `/docs`: everything comes from this listener. The default of the plug-in
 * has `upgrade-insecure-requests` too: then a browser requests every script of a plain http page over https, and the
 * page stays blank on every host except loopback.
 */
const pagePolicy = {
  'default-src': "'self'",
  'base-uri': "'self'",
  'frame-ancestors': "'self'",
  'img-src': "'self' data:",
  'object-src': "'none'",
  'script-src-attr': "'none'",
};

const bearerScheme = {
  type: 'http',
  scheme: 'bearer',
  description:
    'A token of `server.auth.bearerTokens` or, on the admin listener, of `server.admin.auth.bearerTokens`. Without that key, no request needs a token.',
} as const;

/** The types of the plug-in do not know `mutualTLS`, which OpenAPI has since 3.1. */
const certificateScheme: object = {
  clientCertificate: {
    type: 'mutualTLS',
    description:
      'A certificate of an authority of `server.tls.clientCa`. Without that key, no request needs a certificate.',
  },
};

/** Adds `/openapi.json`, `/openapi.yaml`, `/openapi-3.1.json` and `/docs`. They describe the routes added after this call. */
export async function openApi(app: FastifyInstance, { version, serving, adminUrl }: AppOptions): Promise<void> {
  const served = (document: object, { caller }: FastifyRequest): JsonObject => {
    const pipelines = namesFor(caller, serving.current.pipelines);
    return servedDocument(document as JsonObject, { pipelines, adminUrl: adminUrl() });
  };
  await app.register(swagger, {
    openapi: {
      openapi: '3.2.0',
      info: {
        title: 'Millrace',
        version,
        summary: 'POST a stream of JSON lines, and get each line back enriched.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      security: [{}, { bearer: [] }, { clientCertificate: [] }, { bearer: [], clientCertificate: [] }],
      components: { securitySchemes: { bearer: bearerScheme, ...certificateScheme } },
      tags: [
        { name: 'enrich', description: 'Streams of records.' },
        { name: 'pipelines', description: 'The configuration of pipelines.' },
        { name: 'admin', description: 'For operators, on a listener of its own.' },
      ],
    },
    transformObject: (document) => ('openapiObject' in document ? complete(document.openapiObject) : {}),
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    // Without this, the page loads a badge from a service on the Internet on every host except loopback.
    uiConfig: { validatorUrl: null },
    transformSpecification: served,
  });
  app.get('/openapi.json', { schema: { hide: true } }, (request) => served(app.swagger(), request));
  app.get('/openapi-3.1.json', { schema: { hide: true } }, (request) => asOpenApi31(served(app.swagger(), request)));
  app.get('/openapi.yaml', { schema: { hide: true } }, (request, reply) =>
    reply.type('application/yaml').send(stringify(served(app.swagger(), request), { strict: false })),
  );
  for (const url of ['/openapi.json', '/openapi-3.1.json', '/openapi.yaml', '/docs', '/docs/*']) {
    refuseOtherMethods(app, url, ['GET', 'HEAD']);
  }
}

interface Document {
  components?: { schemas?: object };
  paths?: Record<string, Record<string, unknown> | undefined>;
}

function complete(document: object): object {
  const { components, paths, ...head }: Document = document;
  const schemas = {
    ...components?.schemas,
    ...enrichSchemas,
    ...opsSchemas,
    ...adminSchemas,
    Problem: problemSchema,
    RecordErrorCode: { type: 'string', enum: Object.keys(recordErrors) },
  };
  const completed = Object.entries(paths ?? {}).map(([path, item]) => [path, withBodies(path, item ?? {})]);
  // An object used in several places would become a YAML anchor, which not every reader of OpenAPI knows. So each is copied.
  const whole = parseJson(
    JSON.stringify({
      ...head,
      components: { ...components, schemas },
      paths: { ...Object.fromEntries(completed), ...adminPaths },
    }),
  );
  return isJsonObject(whole) ? whole : {};
}

function withBodies(path: string, item: Record<string, unknown>): Record<string, unknown> {
  const bodies = operations[path];
  return Object.fromEntries(
    Object.entries(item).map(([method, operation]) => [method, Object.assign({}, operation, bodies?.[method])]),
  );
}

interface Described {
  description: string;
}

/** Merges two lists of responses; the descriptions of a status that both list are joined. */
function merged(first: Record<string, Described>, second: Record<string, Described>): Record<string, Described> {
  const responses = { ...first };
  for (const [status, response] of Object.entries(second)) {
    const before = responses[status];
    const description = before === undefined ? response.description : `${response.description} ${before.description}`;
    responses[status] = { ...before, ...response, description };
  }
  return responses;
}
