import type { FastifyInstance } from 'fastify';

/**
 * For where an app is made: Fastify then does not load the compilers of schemas that it would else bring, a hundred
 * modules.
 */
export const noSchemaCompilers = { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } };

/** Schemas of this app's routes document; checking and writing is done by the routes themselves. */
export function documentOnly(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

function refuse(): never {
  throw new Error('a schema was to be compiled: call documentOnly(app) before the first route');
}
