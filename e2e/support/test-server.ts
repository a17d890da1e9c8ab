// startServer for use within a Vitest test: when the test fails, the server's log is printed.
import { onTestFailed } from 'vitest';
import { type RunningServer, type ServerOptions, startServer } from './start-server.ts';

/** Call within a test. The log is printed before the directory is gone. */
export async function startTestServer(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startServer(options);
  onTestFailed(() => console.error(`--- log of tako-server ${server.pid}\n${server.log()}--- end of log`));
  return server;
}
