import { expect, it } from 'vitest';
import { staticFields, staticIndexMax } from './static-table.ts';

it('the static table has 61 fields, each once, and those of one name beside each other', () => {
  expect(staticIndexMax).toBe(61);
  const names = staticFields.filter((_, index) => index % 2 === 0);
  const lines = names.map((name, index) => `${name}: ${staticFields[index * 2 + 1]}`);
  expect(new Set(lines).size).toBe(61);
  expect(names.filter((name, index) => name !== names[index - 1])).toHaveLength(new Set(names).size);
});

it.each([
  [1, ':authority', ''],
  [2, ':method', 'GET'],
  [8, ':status', '200'],
  [14, ':status', '500'],
  [15, 'accept-charset', ''],
  [16, 'accept-encoding', 'gzip, deflate'],
  [23, 'authorization', ''],
  [28, 'content-length', ''],
  [32, 'cookie', ''],
  [38, 'host', ''],
  [44, 'last-modified', ''],
  [50, 'range', ''],
  [55, 'set-cookie', ''],
  [58, 'user-agent', ''],
  [61, 'www-authenticate', ''],
])('its index %i is %s of Appendix A', (index, name, value) => {
  expect(staticFields.slice(index * 2 - 2, index * 2)).toEqual([name, value]);
});
