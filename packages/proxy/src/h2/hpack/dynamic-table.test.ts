import { describe, expect, it } from 'vitest';
import { DynamicTable } from './dynamic-table.ts';

const entries = (table: DynamicTable) =>
  Array.from({ length: table.count }, (_, index) => `${table.nameAt(index)}: ${table.valueAt(index)}`);

describe('the dynamic table', () => {
  it('counts from the newest entry, and each entry as name, value and 32', () => {
    const table = new DynamicTable(4_096);
    table.add('a', '1');
    table.add('bb', '22');
    expect(entries(table)).toEqual(['bb: 22', 'a: 1']);
    expect(table.bytes).toBe(34 + 36);
  });

  it('lets the oldest entries go for a new one, as few as it needs', () => {
    const table = new DynamicTable(34 * 3);
    for (const name of ['a', 'b', 'c', 'd']) table.add(name, '1');
    expect(entries(table)).toEqual(['d: 1', 'c: 1', 'b: 1']);
    table.add('eeee', '1');
    expect(entries(table)).toEqual(['eeee: 1', 'd: 1']);
  });

  it('holds an entry that just fills it', () => {
    const table = new DynamicTable(64);
    table.add('a', '1');
    table.add('n'.repeat(16), 'v'.repeat(16));
    expect(entries(table)).toEqual([`${'n'.repeat(16)}: ${'v'.repeat(16)}`]);
    expect(table.bytes).toBe(64);
  });

  it('lets the oldest go when it is made smaller, and keeps its new size', () => {
    const table = new DynamicTable(4_096);
    for (const name of ['a', 'b', 'c']) table.add(name, '1');
    table.resize(70);
    expect(entries(table)).toEqual(['c: 1', 'b: 1']);
    table.resize(0);
    expect(table.count).toBe(0);
    expect(table.bytes).toBe(0);
    table.resize(4_096);
    table.add('d', '1');
    expect(entries(table)).toEqual(['d: 1']);
  });

  it('agrees with a plain list through many additions of all lengths', () => {
    const table = new DynamicTable(4_096);
    let list: [string, string][] = [];
    for (let turn = 0; turn < 2_000; turn += 1) {
      const field: [string, string] = [`n${turn}`, 'v'.repeat((turn * 37) % (turn % 50 === 0 ? 900 : 9))];
      list = [field, ...list];
      const bytes = () => list.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
      while (bytes() > 4_096) list.pop();
      table.add(...field);
      expect(table.bytes).toBe(bytes());
      if (turn % 97 === 0) expect(entries(table)).toEqual(list.map((entry) => entry.join(': ')));
    }
  });

  it('says with its version that it changed', () => {
    const table = new DynamicTable(4_096);
    const versions = [table.version];
    table.add('a', '1');
    versions.push(table.version);
    table.resize(4_096);
    versions.push(table.version);
    table.empty();
    versions.push(table.version);
    expect(new Set(versions).size).toBe(4);
  });
});
