// A program that is started with listening sockets: says which it found, what its children would get, then answers on
// each with its kind. Arguments: the expected places as JSON, then the text of --listen-fd, if any.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import net from 'node:net';
import { isTakoError } from '@tako/config';
import { clearEnvironment, readEnvironment } from '../../process-environment.ts';
import { parseListenFd, serviceManagerVariables } from '../activation-request.ts';
import { takeInheritedSockets } from '../socket-activation.ts';
import type { InheritedSocket } from '../socket-activation.ts';

/** Which of the sockets a child gets that was not given any. */
function inheritedByChild(sockets: readonly InheritedSocket[]): InheritedSocket[] {
  const script = 'for fd in /proc/self/fd/*; do readlink "$fd"; done';
  const child = spawnSync('/bin/sh', ['-c', script], {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  const targets = new Set(child.stdout.split('\n'));
  return sockets.filter(({ fd }) => targets.has(readlinkSync(`/proc/self/fd/${fd}`)));
}

try {
  const [places = '', listenFd] = process.argv.slice(2);
  const sockets = takeInheritedSockets({
    environment: readEnvironment(),
    pid: process.pid,
    listenFd: listenFd === undefined ? [] : parseListenFd(listenFd, '--listen-fd'),
    places: JSON.parse(places),
  });
  clearEnvironment(serviceManagerVariables);
  const left = serviceManagerVariables.filter((name) => name in process.env);
  for (const { kind, fd } of sockets) net.createServer((socket) => socket.end(kind)).listen({ fd });
  process.stdout.write(`${JSON.stringify({ sockets, left, inChild: inheritedByChild(sockets) })}\n`);
} catch (error) {
  const text = isTakoError(error)
    ? { code: error.code, message: error.message, hint: error.hint }
    : { code: String(error) };
  process.stdout.write(`${JSON.stringify(text)}\n`);
}
