// HAProxy as a peer: one thread, upstream keep-alive, HTTP/2 by ALPN.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stopChild, type Peer, type PeerInput } from './peer.ts';
import { processTree, startProgram } from './start-program.ts';

function configOf({ dir, httpPort, httpsPort, appPort, namesDir }: PeerInput, pem: string): string {
  const certificates = namesDir === null ? pem : `${namesDir}/both/`;
  return `global
  nbthread 1
  maxconn 8000
  unix-bind prefix ${dir}/
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-keep-alive 300s
  timeout tunnel 300s
  option http-keep-alive
  http-reuse always
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
frontend in
  bind 127.0.0.1:${httpPort}
  bind 127.0.0.1:${httpsPort} ssl crt ${certificates} alpn h2,http/1.1
  option forwardfor
  unique-id-header X-Request-ID
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Real-IP %[src]
  http-request set-header Forwarded for=%[src];host="%[req.hdr(host)]";proto=%[ssl_fc,iif(https,http)]
  http-request set-header Via "1.1 haproxy"
  http-response set-header Via "1.1 haproxy"
  use_backend %[req.hdr(host),field(1,:),lower,map(${dir}/hosts.map,none)]
backend app
  server app 127.0.0.1:${appPort} maxconn 10000
backend none
  http-request return status 404
`;
}

export const haproxy: Peer = {
  name: 'HAProxy',
  does: { http2: true, manyHosts: true, webSockets: true },
  start: async (input) => {
    await mkdir(input.dir, { recursive: true });
    const pem = path.join(input.dir, 'both.pem');
    await writeFile(
      pem,
      `${await readFile(input.certificateFile, 'utf8')}${await readFile(input.keyFile, 'utf8')}`,
    );
    await writeFile(path.join(input.dir, 'hosts.map'), input.hosts.map((host) => `${host} app\n`).join(''));
    const file = path.join(input.dir, 'haproxy.cfg');
    await writeFile(file, configOf(input, pem));
    const child = await startProgram({
      command: 'haproxy',
      args: ['-db', '-f', file],
      cwd: input.dir,
      port: input.httpPort,
    });
    if (child === null) return null;
    const pids = await processTree(child.pid ?? 0);
    return { pids: () => pids, [Symbol.asyncDispose]: () => stopChild(child) };
  },
};
