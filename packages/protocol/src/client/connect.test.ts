import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TakoError } from '@tako/config';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../testing/management-server.ts';
import { createMemoryService } from '../testing/memory-service.ts';
import { failureOf } from '../testing/outcomes.ts';
import { connectionError } from './connection-error.ts';
import { connect, type ConnectOptions } from './index.ts';

const failedConnect = (options: ConnectOptions): Promise<TakoError> => failureOf(connect(options));

async function tempDirectory() {
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-connect-'));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

/** A server on a Unix socket that is not ours. */
async function startForeign(server: net.Server) {
  const temp = await tempDirectory();
  const socketPath = path.join(temp.directory, 'foreign.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => sockets.add(socket));
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await temp[Symbol.asyncDispose]();
    },
  };
}

describe('connect', () => {
  it('says that there is no socket', async () => {
    await using temp = await tempDirectory();
    const socketPath = path.join(temp.directory, 'none.sock');
    const error = await failedConnect({ socketPath });
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', details: { socketPath, errno: 'ENOENT' } });
    expect(error.message).toContain(socketPath);
    expect(error.hint).toContain('no such socket');
  });

  it('says that nobody listens on the socket', async () => {
    await using temp = await tempDirectory();
    const socketPath = path.join(temp.directory, 'dead.sock');
    await writeFile(socketPath, '');
    const error = await failedConnect({ socketPath });
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', details: { errno: 'ECONNREFUSED' } });
    expect(error.hint).toContain('nobody listens');
  });

  it('says which group the user lacks when the socket may not be opened', async () => {
    // root may open every socket, so the operating system's answer is made by hand when tests run as root.
    if (process.getuid?.() === 0) {
      const denied = Object.assign(new Error('connect EACCES /run/tako.sock'), {
        code: 'EACCES',
        syscall: 'connect',
      });
      expect(connectionError(denied, '/run/tako.sock')).toMatchObject({
        code: 'SERVER_UNREACHABLE',
        hint: expect.stringContaining('group tako'),
      });
      return;
    }
    await using server = await startTestServer();
    await chmod(server.socketPath, 0);
    const error = await failedConnect({ socketPath: server.socketPath });
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', hint: expect.stringContaining('group tako') });
  });

  it('says that a socket path is too long', async () => {
    const error = await failedConnect({ socketPath: `/tmp/${'x'.repeat(200)}.sock` });
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });

  it('says that another HTTP server listens there', async () => {
    await using foreign = await startForeign(
      http.createServer((_request, response) => response.end('{"hello":"world"}')),
    );
    const error = await failedConnect({ socketPath: foreign.socketPath });
    expect(error).toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining('not a tako-server'),
    });
  });

  it('says that what listens there is no HTTP server', async () => {
    await using foreign = await startForeign(
      net.createServer((socket) => socket.end('220 mail.example.com ESMTP\r\n')),
    );
    const error = await failedConnect({ socketPath: foreign.socketPath });
    expect(error).toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining('not a tako-server'),
    });
  });

  it('names both versions when the server speaks another protocol, whatever its answer looks like', async () => {
    await using foreign = await startForeign(
      http.createServer((_request, response) => {
        response.setHeader('tako-protocol', '7');
        response.end('a future format');
      }),
    );
    const error = await failedConnect({ socketPath: foreign.socketPath });
    expect(error).toMatchObject({
      code: 'PROTOCOL_MISMATCH',
      message: 'the client speaks protocol 1, the server speaks protocol 7',
      hint: expect.stringContaining('Upgrade the tako command'),
    });
  });

  it('gives up on a server that does not answer', async () => {
    await using foreign = await startForeign(net.createServer(() => undefined));
    const error = await failedConnect({ socketPath: foreign.socketPath, connectTimeoutMs: 50 });
    expect(error).toMatchObject({ code: 'TIMED_OUT' });
  });

  it('stops with the reason of its signal', async () => {
    await using foreign = await startForeign(net.createServer(() => abort.abort(reason)));
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    await expect(connect({ socketPath: foreign.socketPath, signal: abort.signal })).rejects.toBe(reason);
    await expect(connect({ socketPath: foreign.socketPath, signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });

  it('ends the calls of a client whose signal aborts later', async () => {
    const called = Promise.withResolvers<void>();
    const service = createMemoryService({
      overrides: {
        list: async (_input, { signal }) => {
          called.resolve();
          await once(signal, 'abort');
          return [];
        },
      },
    });
    await using server = await startTestServer({ service });
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    await using client = await connect({ socketPath: server.socketPath, signal: abort.signal });
    const calling = client.api.list.query();
    await called.promise;
    abort.abort(reason);
    await expect(calling).rejects.toBe(reason);
  });
});
