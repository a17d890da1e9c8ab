import { expect, it } from 'vitest';
import { completeWords, type CompletionSources } from './complete.ts';

const sources: CompletionSources = {
  serverNames: async () => ['web1', 'web2', 'db'],
  environmentNames: async () => ['production', 'staging'],
  errorCodes: async () => ['LOCK_LOST', 'DNS_WRONG'],
};
const complete = async (line: string): Promise<string[]> =>
  (await completeWords(line.split(' '), sources)).map(({ word }) => word);

it('completes commands and topics by their words', async () => {
  expect(await complete('dep')).toEqual(['deploy']);
  expect(await complete('se')).toEqual(['secrets', 'servers']);
  expect(await complete('secrets k')).toEqual(['key']);
  expect(await complete('secrets key ')).toEqual(expect.arrayContaining(['export', 'import']));
  expect(await complete('nonsense ')).toEqual([]);
});

it('completes flags of the command, each once unless it may come again', async () => {
  expect(await complete('deploy --d')).toEqual(['--dry-run']);
  expect(await complete('deploy --dry-run --d')).toEqual([]);
  expect(await complete('deploy --server web1 --s')).toEqual(['--server']);
  expect(await complete('deploy -- --d')).toEqual([]);
});

it('completes values that are known, and leaves files to the shell', async () => {
  expect(await complete('deploy --server w')).toEqual(['web1', 'web2']);
  expect(await complete('deploy --server = w')).toEqual(['web1', 'web2']);
  expect(await complete('status --env s')).toEqual(['staging']);
  expect(await complete('servers rm d')).toEqual(['db']);
  expect(await complete('explain L')).toEqual(['LOCK_LOST']);
  expect(await complete('autocomplete ')).toEqual(['bash', 'fish', 'zsh']);
  expect(await complete('deploy --config ')).toEqual([]);
});
