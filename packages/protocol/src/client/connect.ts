// The client's entry: loads the machinery when it is first needed, so that a command that talks to no server starts fast.
import type { ConnectOptions, ManagementClient } from './client.types.ts';

/**
 * Connects to a management socket and asks who answers.
 * Errors: SERVER_UNREACHABLE, PROTOCOL_MISMATCH, TIMED_OUT, CONNECTION_LOST; the signal's reason when it aborted.
 */
export async function connect(options: ConnectOptions): Promise<ManagementClient> {
  const { openClient } = await import('./open-client.ts');
  return await openClient(options);
}
