// Which npm package brings a tool, and where its program is in it. Pure tables.
import { TakoError } from '@tako/config';

export const tools = ['node', 'bun', 'npm', 'pnpm', 'yarn'] as const;
export type Tool = (typeof tools)[number];

export interface Machine {
  /** Node's names. */
  readonly arch: string;
  readonly libc: 'glibc' | 'musl';
  /** x86-64-v3's marker; Bun's ordinary build needs it. */
  readonly hasAvx2: boolean;
}

export interface ToolPackage {
  readonly name: string;
  /** Relative to the package's root. */
  readonly program: string;
  /** `script`: run by Node. */
  readonly kind: 'binary' | 'script';
}

/** What is taken when nobody says which: the newest of a major that is known to do what we ask of it. */
export const defaultRanges: Readonly<Record<Tool, string | null>> = {
  node: null,
  bun: null,
  npm: '11',
  pnpm: '10',
  yarn: '4',
};

function unsupported(tool: Tool, machine: Machine): TakoError {
  return new TakoError(
    'RUNTIME_UNSUPPORTED',
    `There is no ${tool} for ${machine.arch} with ${machine.libc} in the registry.`,
    {
      hint: `Install ${tool} on the server yourself and use runtime = "process" with start = ["/path/to/${tool}", …].`,
      details: { tool, ...machine },
    },
  );
}

function nodePackage(machine: Machine): ToolPackage {
  if (machine.libc !== 'glibc' || (machine.arch !== 'x64' && machine.arch !== 'arm64'))
    throw unsupported('node', machine);
  return { name: `node-linux-${machine.arch}`, program: 'bin/node', kind: 'binary' };
}

function bunPackage(machine: Machine): ToolPackage {
  const arch = { x64: 'x64', arm64: 'aarch64' }[machine.arch];
  if (arch === undefined) throw unsupported('bun', machine);
  const musl = machine.libc === 'musl' ? '-musl' : '';
  const baseline = arch === 'x64' && !machine.hasAvx2 ? '-baseline' : '';
  return { name: `@oven/bun-linux-${arch}${musl}${baseline}`, program: 'bin/bun', kind: 'binary' };
}

/** pnpm is a script up to 11, from 12 on a binary of its own. */
function pnpmPackage(major: number, machine: Machine): ToolPackage {
  if (major <= 10) return { name: 'pnpm', program: 'bin/pnpm.cjs', kind: 'script' };
  if (major === 11) return { name: 'pnpm', program: 'bin/pnpm.mjs', kind: 'script' };
  if (machine.arch !== 'x64' && machine.arch !== 'arm64') throw unsupported('pnpm', machine);
  return {
    name: `@pnpm/exe.linux-${machine.arch}${machine.libc === 'musl' ? '-musl' : ''}`,
    program: 'pnpm',
    kind: 'binary',
  };
}

/** yarn 1 is another package than all later ones. */
function yarnPackage(major: number): ToolPackage {
  return { name: major === 1 ? 'yarn' : '@yarnpkg/cli-dist', program: 'bin/yarn.js', kind: 'script' };
}

/** `range`: as asked for, so that its major decides where majors differ. Throws RUNTIME_UNSUPPORTED. */
export function toolPackage(tool: Tool, range: string | null, machine: Machine): ToolPackage {
  const major = Number.parseInt(range ?? defaultRanges[tool] ?? '', 10);
  const packages: Readonly<Record<Tool, () => ToolPackage>> = {
    node: () => nodePackage(machine),
    bun: () => bunPackage(machine),
    npm: () => ({ name: 'npm', program: 'bin/npm-cli.js', kind: 'script' }),
    pnpm: () => pnpmPackage(Number.isNaN(major) ? 10 : major, machine),
    yarn: () => yarnPackage(Number.isNaN(major) ? 4 : major),
  };
  return packages[tool]();
}
