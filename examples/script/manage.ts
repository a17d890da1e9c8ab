// Talks to a tako-server from a script: shows what runs, scales or restarts an app under its lock.
// Plain Node 26, which strips the types:
//
//   node manage.ts SOCKET status
//   node manage.ts SOCKET scale APP INSTANCES
//   node manage.ts SOCKET restart APP
//
// SOCKET is the management socket (/var/run/tako/tako.sock), or the local end of a forwarded one:
//   ssh -N -L /tmp/tako.sock:/var/run/tako/tako.sock tako@server.example.com
import { hostname, userInfo } from 'node:os';
import { connect, withLock, type ManagementClient } from '@tako/protocol/client';
import { exitCodeOf } from '@tako/protocol/errors';

const usage = 'usage: manage.ts SOCKET status | scale APP INSTANCES | restart APP';

// Ctrl-C ends what the script waits for. A rollout that has begun belongs to the server, which finishes it.
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new DOMException('interrupted', 'AbortError')));

try {
  await main(process.argv.slice(2));
} catch (error) {
  report(error);
  process.exitCode = exitCodeOf(error);
}

async function main([socketPath, command, app, count]: string[]): Promise<void> {
  const instances = Number(count);
  const known =
    command === 'status' ||
    (command === 'restart' && app !== undefined) ||
    (command === 'scale' && app !== undefined && count !== undefined && Number.isInteger(instances));
  if (socketPath === undefined || !known) {
    process.stderr.write(`${usage}\n`);
    process.exitCode = 2;
    return;
  }

  // `await using` closes the connections when the block ends, however it ends.
  await using client = await connect({
    socketPath,
    caller: `${userInfo().username}@${hostname()}`, // for the server's audit log
    signal: interrupted.signal,
  });
  if (command === 'status') await printStatus(client);
  else await change(client, { app: app ?? '', instances: command === 'scale' ? instances : null });
}

async function printStatus(client: ManagementClient): Promise<void> {
  const { server, deployments } = await client.api.status.query({});
  print(`tako-server ${server.version} on ${server.machine.hostname}, pid ${server.pid}, ${server.mode}`);
  for (const { deploymentId, version, mode, builds, instancesWanted } of deployments) {
    const instances = builds.flatMap((build) => build.instances);
    const healthy = instances.filter((instance) => instance.state === 'healthy').length;
    print(`${deploymentId}\t${version ?? 'no release'}\t${mode}\t${healthy} of ${instancesWanted} healthy`);
  }
}

/** `instances: null` restarts, a number scales. */
async function change(
  client: ManagementClient,
  { app, instances }: { app: string; instances: number | null },
): Promise<void> {
  const holder = {
    user: userInfo().username,
    host: hostname(),
    pid: process.pid,
    command: process.argv.slice(1).join(' ').slice(0, 1024),
  };
  // Every change needs the lock. withLock renews it while the work goes on and releases it afterwards; it waits up to
  // a minute for somebody else's.
  const options = { deploymentId: app, holder, waitMs: 60_000, signal: interrupted.signal };
  await withLock(client, options, async ({ token, signal }) => {
    const target = { deploymentId: app, token };
    const events =
      instances === null
        ? await client.api.restart.mutate(target, { signal })
        : await client.api.scale.mutate({ ...target, instances }, { signal });

    // A change streams what it does. The last event says how it ended.
    for await (const event of events) {
      if (event.type === 'step') print(`${event.instance} (${event.version}): ${event.state}`);
      if (event.type === 'warning') print(`warning: ${event.message}`);
      if (event.type === 'deployed')
        print(`done: ${event.instances} instances of ${event.version ?? 'no release'}`);
      if (event.type === 'unchanged') print(`nothing to do: ${event.reason}`);
      if (event.type === 'rolledBack') {
        print(`rolled back: ${event.reason}`);
        process.exitCode = 7;
      }
    }
  });
}

/** Errors of Tako carry a code (docs/errors.md) and the next step. */
function report(error: unknown): void {
  if (!(error instanceof Error)) {
    process.stderr.write(`${String(error)}\n`);
    return;
  }
  const code = 'code' in error ? `${String(error.code)}: ` : '';
  const hint = 'hint' in error && typeof error.hint === 'string' ? `\n${error.hint}` : '';
  process.stderr.write(`${code}${error.message}${hint}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
