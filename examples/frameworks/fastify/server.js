// A Fastify app as any: it listens on $PORT, and ends when it is told to.
import Fastify from 'fastify';

const app = Fastify({ logger: true });
app.get('/', (_request, reply) => reply.type('text/html').send('<h1>Fastify on Tako</h1>'));
app.get('/version', () => process.env.TAKO_VERSION);

await app.listen({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST ?? '127.0.0.1' });
process.once('SIGTERM', () => void app.close());
