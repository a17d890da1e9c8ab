// What versions the peers have, for the record.
import { execFileSync } from 'node:child_process';

export function versionsOf(): Record<string, string> {
  const first = (command: string, args: readonly string[]): string => {
    try {
      // nginx says it on stderr, hence the shell.
      const text = execFileSync('sh', ['-c', `${command} ${args.join(' ')} 2>&1`]).toString();
      return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? '?';
    } catch {
      // Not installed: the peer was left out.
      return '?';
    }
  };
  return {
    Node: process.version,
    nginx: first('nginx', ['-v']),
    HAProxy: first('haproxy', ['-v']),
    Caddy: first('caddy', ['version']),
  };
}
