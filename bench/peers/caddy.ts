// Caddy as a peer, as it comes: Go spreads it over the processors. HTTP/2 by ALPN.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stopChild, type Peer, type PeerInput } from './peer.ts';
import { processTree, startProgram } from './start-program.ts';

/** By its address too: wrk names that in its ClientHello, whatever Host it sends. */
function configOf(input: PeerInput): string {
  const { httpPort, httpsPort, appPort, certificateFile, keyFile, hosts, namesDir } = input;
  const handler = `reverse_proxy 127.0.0.1:${appPort} {
    header_up X-Forwarded-Port ${httpPort}
    header_up X-Real-IP {remote_host}
    header_up X-Request-ID {http.request.uuid}
    header_up Forwarded "for={remote_host};host={host};proto={scheme}"
    header_up Via "1.1 caddy"
    header_down X-Request-ID {http.request.uuid}
    header_down Via "1.1 caddy"
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }`;
  const site = (names: readonly string[], certificate: string, key: string): string =>
    `${names.map((name) => `https://${name}:${httpsPort}`).join(', ')} {
  bind 127.0.0.1
  tls ${certificate} ${key}
  ${handler}
}`;
  const sites =
    namesDir === null
      ? site(['127.0.0.1', ...hosts], certificateFile, keyFile)
      : hosts.map((host) => site([host], `${namesDir}/${host}.crt`, `${namesDir}/${host}.key`)).join('\n');
  return `{
  admin off
  auto_https off
  skip_install_trust
  default_sni ${hosts[0] ?? ''}
  log {
    level ERROR
  }
}
${hosts.map((host) => `http://${host}:${httpPort}`).join(', ')} {
  bind 127.0.0.1
  ${handler}
}
${sites}
`;
}

export const caddy: Peer = {
  name: 'Caddy',
  does: { http2: true, manyHosts: true, webSockets: true },
  start: async (input) => {
    await mkdir(input.dir, { recursive: true });
    const file = path.join(input.dir, 'Caddyfile');
    await writeFile(file, configOf(input));
    const child = await startProgram({
      command: 'caddy',
      args: ['run', '--config', file, '--adapter', 'caddyfile'],
      cwd: input.dir,
      port: input.httpPort,
      environment: { HOME: input.dir, XDG_DATA_HOME: input.dir, XDG_CONFIG_HOME: input.dir },
    });
    if (child === null) return null;
    const pids = await processTree(child.pid ?? 0);
    return { pids: () => pids, [Symbol.asyncDispose]: () => stopChild(child) };
  },
};
