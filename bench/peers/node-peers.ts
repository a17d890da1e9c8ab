// The peers that run on Node: plain http-proxy in its old and its maintained line, and ours as one worker of the data
// plane, with and without access log.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stopChild, type Peer, type PeerInput } from './peer.ts';
import { processTree, startProgram } from './start-program.ts';

interface NodePeer {
  readonly name: string;
  readonly fixture: string;
  readonly does: Peer['does'];
  readonly options?: (input: PeerInput) => Readonly<Record<string, unknown>>;
}

function nodePeer({ name, fixture, does, options }: NodePeer): Peer {
  return {
    name,
    does,
    start: async (input) => {
      await mkdir(input.dir, { recursive: true });
      const file = path.join(import.meta.dirname, '..', 'fixtures', fixture);
      // In a file: 10,000 hosts are more than an argument or a variable may hold.
      const inputFile = path.join(input.dir, 'input.json');
      await writeFile(inputFile, JSON.stringify({ ...input, ...options?.(input) }));
      const child = await startProgram({
        command: process.execPath,
        args: ['--conditions=source', '--disable-warning=ExperimentalWarning', file],
        cwd: input.dir,
        port: input.httpPort,
        environment: { BENCH_INPUT: inputFile },
      });
      if (child === null) return null;
      const pids = await processTree(child.pid ?? 0);
      return { pids: () => pids, [Symbol.asyncDispose]: () => stopChild(child) };
    },
  };
}

const httpProxyDoes = { http2: false, manyHosts: false, webSockets: true };

export const httpProxy = nodePeer({
  name: 'http-proxy 1.18',
  fixture: 'http-proxy-main.ts',
  does: httpProxyDoes,
  options: () => ({ line: 'http-proxy' }),
});

export const httpProxy3 = nodePeer({
  name: 'http-proxy-3',
  fixture: 'http-proxy-main.ts',
  does: httpProxyDoes,
  options: () => ({ line: 'http-proxy-3' }),
});

const all = { http2: true, manyHosts: true, webSockets: true };

export const tako = nodePeer({
  name: 'Tako',
  fixture: 'tako-main.ts',
  does: all,
  options: () => ({ accessLog: 'off' }),
});

export const takoWithLog = nodePeer({
  name: 'Tako, access log on',
  fixture: 'tako-main.ts',
  does: all,
  options: ({ dir }) => ({ accessLog: path.join(dir, 'access.log') }),
});
