// What a client meets while a daemon stops.
import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import { runDaemon } from '../testing/running-daemon.ts';

const connectTo = (port: number): net.Socket => net.connect({ host: '127.0.0.1', port });

/** Or `connected`. */
async function refusal(port: number): Promise<string> {
  const socket = connectTo(port);
  const outcome = await once(socket, 'connect').then(
    () => 'connected',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  socket.on('error', () => undefined).destroy();
  return outcome;
}

test.each(['0', '2'])(
  'while it stops with %s workers new connections are refused, and what was begun is answered',
  async (workers) => {
    await using running = await runDaemon({ flags: ['--workers', workers, '--drain-timeout', '30s'] });
    const { daemon, httpPort } = running;
    const begun = connectTo(httpPort);
    begun.write('GET / HTTP/1.1\r\nhost: nobody.example.com\r\n');
    // Answered on a later connection: the earlier one has been accepted, too, by whichever worker.
    for (let count = 0; count < 20; count += 1)
      await fetch(`http://127.0.0.1:${httpPort}/`, { headers: { connection: 'close' } });
    const stopped = daemon.stop('test');
    await expect.poll(() => refusal(httpPort), { timeout: 5_000 }).toBe('ECONNREFUSED');
    begun.write('\r\n');
    const [answer] = (await once(begun, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    await stopped;
  },
);
