// The command `hello-storm.ts PORT CLIENTS`: keeps a server busy at little cost to itself. Each client sends the same
// ClientHello again and again and leaves at the first answer, which costs the server a key exchange and a signature.
// Says `busy` to its parent when each client has been answered.
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

const [port = 0, clients = 0] = process.argv.slice(2).map(Number);

async function recordHello(): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = tls.connect({ ...(server.address() as net.AddressInfo), host: '127.0.0.1' });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

const hello = await recordHello();
const answered = new Set<number>();

function greet(client: number): void {
  const socket = net.connect(port, '127.0.0.1', () => socket.write(hello));
  socket.once('data', () => {
    socket.destroy();
    if (!answered.has(client) && answered.add(client).size === clients) process.send?.('busy');
  });
  // What becomes of these is not counted.
  socket.on('error', () => undefined);
  socket.once('close', () => setImmediate(greet, client));
}

for (let client = 0; client < clients; client += 1) greet(client);
