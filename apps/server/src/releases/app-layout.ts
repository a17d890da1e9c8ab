// Where the files of a deployment are (spec 80, layout). Pure: makes paths, touches nothing.
import path from 'node:path';
import { parseDeploymentId, parseVersion } from '@tako/config';

export interface AppLayout {
  /** `<data-dir>/apps` */
  readonly root: string;
  appDir(deploymentId: string): string;
  releasesDir(deploymentId: string): string;
  releaseDir(deploymentId: string, version: string): string;
  currentLink(deploymentId: string): string;
}

/** Ids and versions become file names here, so they are checked here, too. Throws NAME_INVALID. */
export function createAppLayout(dataDir: string): AppLayout {
  const root = path.join(dataDir, 'apps');
  const appDir = (deploymentId: string): string => {
    parseDeploymentId(deploymentId);
    return path.join(root, deploymentId);
  };
  const releasesDir = (deploymentId: string): string => path.join(appDir(deploymentId), 'releases');
  return {
    root,
    appDir,
    releasesDir,
    releaseDir: (deploymentId, version) => path.join(releasesDir(deploymentId), parseVersion(version)),
    currentLink: (deploymentId) => path.join(appDir(deploymentId), 'current'),
  };
}
