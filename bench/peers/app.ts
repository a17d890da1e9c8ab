// The app behind all peers: an nginx for small replies and files, which is never the limit, with a Node app behind it
// for uploads and WebSockets. Its CPU is nobody's.
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stopChild } from './peer.ts';
import { startProgram } from './start-program.ts';

export interface App extends AsyncDisposable {
  readonly port: number;
}

const mebibyte = 1024 * 1024;

export async function startApp(dir: string, port: number): Promise<App> {
  await mkdir(path.join(dir, 'files'), { recursive: true });
  await writeFile(path.join(dir, 'files', '1m'), Buffer.alloc(mebibyte, 'x'));
  const node = spawn(
    process.execPath,
    ['--conditions=source', path.join(import.meta.dirname, '..', 'fixtures', 'app.ts')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(node.stdout, 'data')) as [Buffer];
  const file = path.join(dir, 'app.conf');
  await writeFile(file, configOf({ dir, port, nodePort: Number(line.toString()) }));
  const front = await startProgram({
    command: 'nginx',
    args: ['-e', path.join(dir, 'start.log'), '-c', file],
    cwd: dir,
    port,
  });
  if (front === null) throw new Error('nginx is needed as the app behind the peers');
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([stopChild(front), stopChild(node)]);
    },
  };
}

function configOf({ dir, port, nodePort }: { dir: string; port: number; nodePort: number }): string {
  // As root its worker would be another user, who may not read this directory.
  const user = process.getuid?.() === 0 ? 'user root; ' : '';
  return `${user}worker_processes 1; daemon off; pid ${dir}/app.pid; error_log ${dir}/error.log;
worker_rlimit_nofile 40000;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on; sendfile on; client_max_body_size 0;
  client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
  map $http_upgrade $connection_for_app { default upgrade; '' ''; }
  upstream node { server 127.0.0.1:${nodePort}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type text/plain; return 200 "Hello, this is a small reply from the application.\\n"; }
    location = /1m { root ${dir}/files; default_type application/octet-stream; }
    location = /node { proxy_pass http://node; proxy_http_version 1.1; proxy_request_buffering off;
      proxy_set_header Connection $connection_for_app; proxy_set_header Upgrade $http_upgrade; }
  }
}
`;
}
