import { expect, it } from 'vitest';
import * as files from './drizzle.ts';
import * as modules from './drizzle-modules.ts';

it('the form for bundles exports the names of the form that is loaded file by file', () => {
  expect(Object.keys(modules).toSorted()).toEqual(Object.keys(files).toSorted());
});
