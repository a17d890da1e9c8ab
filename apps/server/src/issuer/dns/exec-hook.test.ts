import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { createExecHook } from './exec-hook.ts';

const signal = new AbortController().signal;
const record = { name: '_acme-challenge.example.com', value: 'a $(touch /tmp/never) b' };

async function hookOf(directory: string, script: string): Promise<string> {
  const file = path.join(directory, 'hook');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

describe('the exec hook', () => {
  it('gets what to do, the name and the value, and only the credentials as environment', async () => {
    await using directory = await temporaryDirectory();
    const out = path.join(directory.path, 'out');
    const EXEC_HOOK = await hookOf(
      directory.path,
      `printf '%s|' "$@" >> ${out}; env | cut -d= -f1 | sort | tr '\\n' ' ' >> ${out}`,
    );
    const provider = createExecHook({ EXEC_HOOK, MY_TOKEN: 'x' });
    await provider.add(record, signal);
    expect(await readFile(out, 'utf8')).toBe(
      `add|${record.name}|${record.value}|EXEC_HOOK MY_TOKEN PATH PWD `,
    );
    await provider.remove(record, signal);
    expect(await readFile(out, 'utf8')).toContain(`remove|${record.name}|`);
  });

  it('fails with its exit code and its last words', async () => {
    await using directory = await temporaryDirectory();
    const EXEC_HOOK = await hookOf(directory.path, 'echo first >&2; echo "no such zone" >&2; exit 7');
    await expect(createExecHook({ EXEC_HOOK }).add(record, signal)).rejects.toThrow(
      /add ended with 7: no such zone/,
    );
    await expect(
      createExecHook({ EXEC_HOOK: path.join(directory.path, 'missing') }).add(record, signal),
    ).rejects.toThrow(/ENOENT/);
    expect(() => createExecHook({ EXEC_HOOK: 'relative/hook' })).toThrow(/absolute path/);
  });

  it('is ended with its order', async () => {
    await using directory = await temporaryDirectory();
    const EXEC_HOOK = await hookOf(directory.path, 'exec sleep 60');
    const ending = new AbortController();
    const adding = createExecHook({ EXEC_HOOK }).add(record, ending.signal);
    ending.abort();
    await expect(adding).rejects.toThrow(/abort/);
  });
});
