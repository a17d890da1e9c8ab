// nginx as a peer: one worker, upstream keep-alive, HTTP/2 where TLS is.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stopChild, type Peer, type PeerInput } from './peer.ts';
import { processTree, startProgram } from './start-program.ts';

function configOf(input: PeerInput): string {
  const { dir, httpPort, httpsPort, appPort, certificateFile, keyFile, hosts, namesDir } = input;
  const location = `location / {
      proxy_pass http://app; proxy_http_version 1.1;
      proxy_set_header Connection $connection_for_app; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header Forwarded "for=$remote_addr;host=\\"$host\\";proto=$scheme";
      proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-ID $request_id;
      proxy_set_header Via "1.1 nginx";
      add_header X-Request-ID $request_id; add_header Via "1.1 nginx";
      proxy_request_buffering off; proxy_buffering on; client_max_body_size 0;
    }`;
  const certificateOf = (host: string): string =>
    namesDir === null
      ? ''
      : `ssl_certificate ${namesDir}/${host}.crt; ssl_certificate_key ${namesDir}/${host}.key;`;
  const servers = hosts
    .map(
      (
        host,
      ) => `server { listen 127.0.0.1:${httpPort} backlog=4096; listen 127.0.0.1:${httpsPort} ssl http2 backlog=4096;
    server_name ${host}; ${certificateOf(host)} ${location} }`,
    )
    .map((text, index) => (index === 0 ? text : text.replaceAll(' backlog=4096', '')));
  return `worker_processes 1; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
worker_rlimit_nofile 40000;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on; server_tokens off;
  server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
  client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:10m; ssl_session_tickets on;
  map $http_upgrade $connection_for_app { default upgrade; '' ''; }
  upstream app { server 127.0.0.1:${appPort}; keepalive 256; keepalive_requests 1000000000; }
  ${servers.join('\n  ')}
}
`;
}

export const nginx: Peer = {
  name: 'nginx',
  does: { http2: true, manyHosts: true, webSockets: true },
  start: async (input) => {
    await mkdir(input.dir, { recursive: true });
    const file = path.join(input.dir, 'nginx.conf');
    await writeFile(file, configOf(input));
    const child = await startProgram({
      command: 'nginx',
      args: ['-e', path.join(input.dir, 'start.log'), '-c', file],
      cwd: input.dir,
      port: input.httpPort,
    });
    if (child === null) return null;
    const pids = await processTree(child.pid ?? 0);
    return { pids: () => pids, [Symbol.asyncDispose]: () => stopChild(child) };
  },
};
