// Handshakes over 1,000 names, each with a certificate of its own: new connections without resumption, one request each.
import { execFile } from 'node:child_process';
import path from 'node:path';
import type { LoadCount } from '../measure/load-tools.ts';
import type { Workload } from './workload.ts';

const connections = 16;

export const manyNames: Workload = {
  id: 'names',
  title: 'TLS, a new connection for each request, over 1,000 names with a certificate each',
  unit: 'request',
  operationsPerUnit: 1,
  needs: 'manyHosts',
  run: ({ httpsPort, hosts, seconds }) =>
    new Promise<LoadCount>((resolve, reject) => {
      const file = path.join(import.meta.dirname, '..', 'fixtures', 'many-names-load.ts');
      const numbers = [httpsPort, connections, seconds].map(String);
      const args = ['--conditions=source', file, ...numbers, hosts.join(',')];
      execFile(process.execPath, args, (error, stdout) => {
        if (error === null) resolve({ ...(JSON.parse(stdout) as LoadCount), seconds });
        else reject(error);
      });
    }),
};
