// A program of the operator's own: `HOOK add|remove NAME VALUE`, exit code 0 when it is done. For providers that Tako
// does not know.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { z } from 'zod';
import { issuerLimits } from '../limits.ts';
import { optionInvalid } from './credentials.ts';
import type { Credentials, DnsProvider, TxtRecord } from './dns-provider.types.ts';

const schema = z.looseObject({ EXEC_HOOK: z.string().refine((file) => path.isAbsolute(file)) });

/** Clean environment: a path, and what the credentials file says. */
const basePath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function createExecHook(credentials: Credentials): DnsProvider {
  const parsed = schema.safeParse(credentials);
  if (!parsed.success)
    throw optionInvalid(
      'EXEC_HOOK is not an absolute path.',
      'Set EXEC_HOOK=/path/of/the/program in the credentials file.',
    );
  const hook = parsed.data.EXEC_HOOK;
  const run = (action: 'add' | 'remove', { name, value }: TxtRecord, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      execFile(
        hook,
        [action, name, value],
        {
          env: { PATH: basePath, ...credentials },
          timeout: issuerLimits.dnsHookTimeoutMs,
          killSignal: 'SIGKILL',
          maxBuffer: issuerLimits.dnsHookOutputBytesMax,
          signal,
          cwd: '/',
        },
        (error, _stdout, stderr) => {
          if (error === null) {
            resolve();
            return;
          }
          const reason =
            error.killed === true
              ? `did not end within ${issuerLimits.dnsHookTimeoutMs / 1_000} s`
              : typeof error.code === 'number'
                ? `ended with ${error.code}`
                : error.message;
          const last = stderr.trim().split('\n').at(-1) ?? '';
          reject(new Error(`${hook} ${action} ${reason}${last === '' ? '' : `: ${last}`}`, { cause: error }));
        },
      );
    });
  return {
    name: 'exec',
    add: (record, signal) => run('add', record, signal),
    remove: (record, signal) => run('remove', record, signal),
  };
}
