// The flags of every command that works on an app (spec 20). Knows no command.
import * as Flags from '@oclif/core/flags';
import { globalFlags } from './global-flags.ts';

export const appFlags = {
  ...globalFlags,
  env: Flags.string({ description: 'The environment; production when left away.', helpValue: 'NAME' }),
  app: Flags.string({ description: 'The app, instead of the one of this directory.', helpValue: 'NAME' }),
  server: Flags.string({
    description: 'Only this server of the environment; may be given several times.',
    multiple: true,
    helpValue: 'NAME',
  }),
  yes: Flags.boolean({ char: 'y', description: 'Answer every question with yes.' }),
};

export const waitLockFlag = Flags.string({
  description: 'Wait for another deploy to end, so long (--wait-lock alone: 5m).',
  helpValue: '5m',
});
