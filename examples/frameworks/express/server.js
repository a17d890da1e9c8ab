// An Express app as any: it listens on $PORT, and ends when it is told to.
import express from 'express';

const app = express();
app.get('/', (_request, response) => response.send('<h1>Express on Tako</h1>'));
app.get('/version', (_request, response) => response.send(process.env.TAKO_VERSION));

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');
process.once('SIGTERM', () => server.close());
