// What was worked out for the last request of a connection and holds for the next one, which mostly names the same
// host: costs no look-up, and lets go with the connection. Knows no request.
import type { ClientOrigin } from '../headers/client-origin.ts';
import type { FieldBlock } from '../headers/header-edits.ts';

export class ConnectionMemory {
  /** Of `normalizeHost`: what it was given, and what it gave. */
  authority: string | null = null;
  host: string | null = null;
  /** Only of peers that are not trusted: there it depends on the connection and the host alone. */
  origin: ClientOrigin | null = null;
  /** The fields for the app that follow from `blockOrigin`. */
  block: FieldBlock | null = null;
  blockOrigin: ClientOrigin | null = null;
}
