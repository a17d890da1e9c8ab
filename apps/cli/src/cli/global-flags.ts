// The flags every command has (spec 20), for oclif's parser, and read ahead of it: an error about a flag must already
// know whether it speaks JSON. Knows no command.
import * as Flags from '@oclif/core/flags';
import type { OutputFlags } from '../output/output.ts';

export const globalFlags = {
  config: Flags.string({
    char: 'c',
    description: 'The tako.toml to use, instead of the nearest one upwards.',
    helpGroup: 'GLOBAL',
    helpValue: 'FILE',
  }),
  verbose: Flags.boolean({
    char: 'v',
    description: 'Every event as a line with its time; stack traces.',
    helpGroup: 'GLOBAL',
  }),
  json: Flags.boolean({ description: 'JSON on stdout, for programs.', helpGroup: 'GLOBAL' }),
  ci: Flags.boolean({
    description: 'Plain lines, no questions, no colour; implied without a terminal or with CI set.',
    helpGroup: 'GLOBAL',
  }),
  'no-color': Flags.boolean({ description: 'No colour (also: NO_COLOR).', helpGroup: 'GLOBAL' }),
};

export function readOutputFlags(argv: readonly string[]): OutputFlags {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const has = (...names: string[]): boolean => names.some((name) => own.includes(name));
  return {
    json: has('--json'),
    verbose: has('--verbose', '-v'),
    ci: has('--ci'),
    noColor: has('--no-color'),
  };
}
