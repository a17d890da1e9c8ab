// Little apps for tests, by behaviour: plain JavaScript that honours PORT. For tests only.

/** Answers with its version, its pid and the request's path; `stable_s` may be short in tests. */
export function plainApp(version: string): Record<string, string> {
  return {
    'index.js': `
      import http from 'node:http';
      const server = http.createServer((request, response) => {
        response.setHeader('x-version', ${JSON.stringify(version)});
        if (request.url.startsWith('/slow')) return setTimeout(() => response.end('slow ${version}'), 1000);
        response.end(JSON.stringify({ version: ${JSON.stringify(version)}, pid: process.pid, url: request.url }));
      });
      server.listen(Number(process.env.PORT), process.env.HOST);
      process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
    `,
    'package.json': '{"type":"module"}',
  };
}

/** Writes a line and exits with 3. */
export function exitingApp(): Record<string, string> {
  return {
    'index.js': `console.error('cannot find the database'); process.exit(3);`,
    'package.json': '{"type":"module"}',
  };
}

/** Healthy at its first probe, exits within the stability window. */
export function unstableApp(): Record<string, string> {
  return {
    'index.js': `
      import http from 'node:http';
      const fail = () => { console.error('out of luck'); process.exit(7); };
      http.createServer((_, response) => { response.end('ok'); setTimeout(fail, 200); }).listen(Number(process.env.PORT), process.env.HOST);
    `,
    'package.json': '{"type":"module"}',
  };
}

export const quickRollout = {
  ready_timeout_s: 10,
  health_timeout_s: 10,
  stable_s: 0.2,
  drain_timeout_s: 5,
  stop_grace_s: 3,
};
