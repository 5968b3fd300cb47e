import fastify from 'fastify';
import { work } from '../worker.ts';

/** The highest throughput of fastify: the body of the request is the body of the response. */
const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
app.post('/echo', (request, reply) => reply.type('application/x-ndjson').send(request.body));
const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
work(() => ({}), { port: Number(url.port) });
