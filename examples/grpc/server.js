// A gRPC service: it speaks HTTP/2 in clear text on its port, Tako terminates TLS in front of it.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { HealthImplementation } from 'grpc-health-check';

const version = process.env.TAKO_VERSION ?? 'local';
const { greeter } = grpc.loadPackageDefinition(loadSync(path.join(import.meta.dirname, 'greeter.proto')));
const server = new grpc.Server();

server.addService(greeter.Greeter.service, {
  greet: (call, callback) => {
    const { name } = call.request;
    if (name === '') callback({ code: grpc.status.INVALID_ARGUMENT, details: 'a greeting needs a name' });
    else callback(null, { text: `Hello ${name}`, version });
  },
  count: (call) => {
    for (let value = 1; value <= call.request.to; value += 1) call.write({ value });
    call.end();
  },
});

// What Tako asks before it sends requests here, and every second after that.
const health = new HealthImplementation({ '': 'SERVING' });
health.addToServer(server);

process.once('SIGTERM', () => server.tryShutdown(() => undefined));

const address = `${process.env.HOST ?? '127.0.0.1'}:${process.env.PORT ?? 3000}`;
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on ${port}`);
});
