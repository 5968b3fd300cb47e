import type { FastifyInstance } from 'fastify';

/**
 * The option of an app that keeps Fastify from loading its own schema compilers, which are a hundred modules.
 */
export const noSchemaCompilers = { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } };

/** The schemas of this app only document its routes: the routes check requests and write answers themselves. */
export function documentOnly(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

function refuse(): never {
  throw new Error('a route has a schema to compile; call documentOnly(app) before the first route');
}
