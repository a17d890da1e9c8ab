// Where the CLI's files are: the project's and the user's. Pure paths.
import path from 'node:path';

export interface ProjectFiles {
  readonly directory: string;
  readonly configFile: string;
  readonly secretsFile: string;
  readonly lockFile: string;
}

export function projectFiles(configFile: string): ProjectFiles {
  const directory = path.dirname(configFile);
  return {
    directory,
    configFile,
    secretsFile: path.join(directory, '.tako', 'secrets'),
    lockFile: path.join(directory, '.tako', 'deploy.lock'),
  };
}

export const inventoryFile = (takoHome: string): string => path.join(takoHome, 'config.toml');
export const keysDirectory = (takoHome: string): string => path.join(takoHome, 'keys');
