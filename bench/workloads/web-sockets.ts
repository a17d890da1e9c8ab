// WebSocket echo: 64 sockets, each with one message of 128 bytes under way, in a process of its own.
import { execFile } from 'node:child_process';
import path from 'node:path';
import type { LoadCount } from '../measure/load-tools.ts';
import type { Workload } from './workload.ts';

const sockets = 64;

export const webSockets: Workload = {
  id: 'websocket',
  title: 'WebSocket echo, 64 sockets, 128 bytes',
  unit: 'message',
  operationsPerUnit: 1,
  needs: 'webSockets',
  run: ({ httpPort, hosts, seconds }) =>
    new Promise<LoadCount>((resolve, reject) => {
      const file = path.join(import.meta.dirname, '..', 'fixtures', 'web-socket-load.ts');
      const args = [
        '--conditions=source',
        file,
        String(httpPort),
        hosts[0] ?? '',
        String(sockets),
        String(seconds),
      ];
      execFile(process.execPath, args, (error, stdout) => {
        if (error === null) resolve({ ...(JSON.parse(stdout) as LoadCount), seconds });
        else reject(error);
      });
    }),
};
