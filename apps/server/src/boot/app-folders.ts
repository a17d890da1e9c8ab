// The folders of apps on the disk, whether there is a row for them or not.
import path from 'node:path';
import { isTakoError, parseDeploymentId } from '@tako/config';
import { namesIn } from '../files/durable-file.ts';

/** Deployment ids. What has another name (a folder on its way out, a stranger's file) is left out. */
export async function appFolders(dataDir: string): Promise<string[]> {
  return (await namesIn(path.join(dataDir, 'apps'))).filter((name) => isDeploymentId(name));
}

function isDeploymentId(name: string): boolean {
  try {
    parseDeploymentId(name);
    return true;
  } catch (error) {
    if (isTakoError(error)) return false;
    throw error;
  }
}
