// `.tako-release.json`: the last thing written into a release before it gets its name. A directory whose marker does
// not say the directory's own name is half-made and never trusted.
import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { createFile, errorCode } from '../files/durable-file.ts';

export const markerName = '.tako-release.json';
const markerBytesMax = 16 * 1024;

const markerSchema = z.strictObject({
  schema: z.literal(1),
  version: z.string(),
  sha256: z.string(),
  /** `manifestDigest` of @tako/config. */
  manifestSha256: z.string(),
  preparedAt: z.number(),
  /** Tool → exact version that was installed for it; a tool of the host is not listed. */
  tools: z.record(z.string(), z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/)),
});
export type ReleaseMarker = z.infer<typeof markerSchema>;

/** Into the half-made directory, where the app's user may have put anything by that name. */
export async function writeMarker(directory: string, marker: ReleaseMarker): Promise<void> {
  const file = path.join(directory, markerName);
  await rm(file, { force: true, recursive: true });
  await createFile(file, `${JSON.stringify(marker, null, 2)}\n`, 0o644);
}

/** null for no marker, one of another directory, or anything else that is not one. */
export async function readMarker(directory: string): Promise<ReleaseMarker | null> {
  try {
    const handle = await open(
      path.join(directory, markerName),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(markerBytesMax), 0, markerBytesMax, 0);
      const marker = markerSchema.parse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
      return marker.version === path.basename(directory) ? marker : null;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    if (code !== undefined && ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'].includes(code)) return null;
    throw error;
  }
}
