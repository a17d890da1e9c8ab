// A certificate with its key from two files of this machine, checked before anything leaves it. Knows no server.
import { open } from 'node:fs/promises';
import { limits, TakoError } from '@tako/config';
import { checkCertificate, type CertificateFacts } from '@tako/config/certificate';

export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** Errors: CERTIFICATE_INVALID, naming the files. */
export async function readPair(files: PairFiles, nowMs: number): Promise<CertificateFacts> {
  const certificate = await readLimited(files.certificate, limits.certificateBytesMax);
  const privateKey = await readLimited(files.key, limits.certificateKeyBytesMax);
  try {
    return checkCertificate({ certificate, privateKey }, nowMs);
  } catch (cause) {
    if (!(cause instanceof TakoError)) throw cause;
    throw new TakoError(cause.code, `${cause.message} (${files.certificate}, ${files.key})`, {
      hint: cause.hint ?? undefined,
      details: { certificate: files.certificate, key: files.key },
    });
  }
}

async function readLimited(file: string, bytesMax: number): Promise<string> {
  try {
    await using handle = await open(file, 'r');
    const buffer = Buffer.alloc(bytesMax + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    if (bytesRead > bytesMax) throw new Error(`it is larger than ${bytesMax / 1024} KiB`);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (cause) {
    throw new TakoError(
      'CERTIFICATE_INVALID',
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: 'Give two PEM files: tako certificates add fullchain.pem --key privkey.pem', cause },
    );
  }
}
