// PROTOCOL_MISMATCH in the same words from both ends: each names both versions and which side to upgrade.
import { TakoError } from '@tako/config/tako-error';

export interface Protocols {
  /** null: the client names none. */
  readonly client: number | null;
  readonly server: number;
}

export function protocolMismatch({ client, server }: Protocols): TakoError {
  const theClient = client === null ? 'names no protocol' : `speaks protocol ${client}`;
  return new TakoError('PROTOCOL_MISMATCH', `the client ${theClient}, the server speaks protocol ${server}`, {
    hint:
      client !== null && client > server
        ? 'Upgrade the server: tako servers upgrade.'
        : 'Upgrade the tako command to the version of the server.',
    details: { client, server },
  });
}

/** A protocol number as a header states it; null when it is none. */
export function parseProtocol(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : null;
}
