import { expect, it } from 'vitest';
import { environmentVariables } from './project-vars.ts';

it('takes, from low to high: runtime defaults, vars, Tako\u2019s own', () => {
  const variables = environmentVariables({
    runtimeDefaults: { NODE_ENV: 'production', A: 'default', B: 'default' },
    vars: { A: 'var', TAKO_APP: 'forged', C: 'var' },
    own: { TAKO_APP: 'shop', PORT: '0' },
  });
  expect(variables).toEqual({
    A: 'var',
    B: 'default',
    C: 'var',
    NODE_ENV: 'production',
    PORT: '0',
    TAKO_APP: 'shop',
  });
  expect(Object.keys(variables)).toEqual(['A', 'B', 'C', 'NODE_ENV', 'PORT', 'TAKO_APP']);
  expect(Object.isFrozen(variables)).toBe(true);
});
