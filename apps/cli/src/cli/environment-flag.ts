// The one app flag of commands that work on the project's secrets file only.
import * as Flags from '@oclif/core/flags';

export const environmentFlag = {
  env: Flags.string({ description: 'The environment; production when left away.', helpValue: 'NAME' }),
};
