// Paths of this machine as archives and servers have them. Pure.
import path from 'node:path';

/** With `/` between the names, whatever this system puts there; links of Windows are read with `\`. */
export const toPosix = (relative: string, separator: string = path.sep): string =>
  relative.split(separator).join('/');
