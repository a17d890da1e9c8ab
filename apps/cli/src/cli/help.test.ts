import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandTable } from './command-table.ts';
import { commandHelp, loadOclifConfig, topicHelp } from './help.ts';

const config = await loadOclifConfig(path.join(import.meta.dirname, '../..'), '1.2.3');

describe('the help', () => {
  it.each(commandTable.map((entry) => [entry.id, entry] as const))(
    'of %s shows how it is called, what it does, and examples',
    async (id, entry) => {
      const text = await commandHelp(config, entry);
      expect(text).toContain(`$ tako ${id}`);
      expect(text).toContain(entry.summary);
      expect(text.split('\nEXAMPLES\n')[1]).toContain(`tako ${id}`);
      for (const name of Object.keys((await entry.load()).args)) expect(text).toContain(name.toUpperCase());
    },
  );

  it('of everything names every command or its topic', async () => {
    const text = await topicHelp(config, null);
    for (const { id } of commandTable) expect(text).toContain(id.split(' ')[0]);
  });
});
