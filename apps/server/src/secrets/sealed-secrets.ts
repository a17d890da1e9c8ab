// The form of `secrets.json`: each value sealed with AES-256-GCM, bound to its deployment and its name, so that none
// can be moved to another. Pure but for random nonces.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { TakoError } from '@tako/config';
import { z } from 'zod';

export type Secrets = Readonly<Record<string, string>>;

const nonceBytes = 12;
const tagBytes = 16;
const fileSchema = z.strictObject({ version: z.literal(1), secrets: z.record(z.string(), z.string()) });

/** One key for one purpose (RFC 5869): sealing and tokens never share one. */
export function deriveKey(serverKey: Uint8Array, purpose: 'seal' | 'token'): Buffer {
  return Buffer.from(hkdfSync('sha256', serverKey, '', `tako-server:v1:${purpose}`, 32));
}

function additionalData(deploymentId: string, name: string): Buffer {
  return Buffer.from(`tako-server:v1:${deploymentId}:${name}`);
}

/** The text of the file, sorted by name. */
export function sealSecrets(key: Uint8Array, deploymentId: string, secrets: Secrets): string {
  const sealed = Object.entries(secrets)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additionalData(deploymentId, name));
      const bytes = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return [name, bytes.toString('base64')] as const;
    });
  return `${JSON.stringify({ version: 1, secrets: Object.fromEntries(sealed) }, null, 2)}\n`;
}

function openOne(key: Uint8Array, aad: Buffer, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64');
  const nonce = bytes.subarray(0, nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad).setAuthTag(bytes.subarray(-tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString(
    'utf8',
  );
}

/** Throws SECRETS_UNREADABLE for another key, another deployment, a moved or a changed value. */
export function openSecrets(key: Uint8Array, deploymentId: string, text: string): Secrets {
  try {
    const { secrets } = fileSchema.parse(JSON.parse(text));
    const opened = Object.entries(secrets).map(
      ([name, sealed]) => [name, openOne(key, additionalData(deploymentId, name), sealed)] as const,
    );
    return Object.freeze(Object.fromEntries(opened));
  } catch (cause) {
    throw new TakoError(
      'SECRETS_UNREADABLE',
      `The secrets kept for ${deploymentId} cannot be opened with this server's key.`,
      {
        hint: 'Send them again with `tako secrets sync`.',
        details: { deploymentId },
        cause,
      },
    );
  }
}
