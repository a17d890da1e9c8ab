// Session ticket keys as they cross the line of a worker. Pure.

/** Name, HMAC and cipher keys together, as OpenSSL takes them. */
const ticketKeyBytes = 48;

/** null: not keys of that size. */
export function readTicketKeys(base64: string): Buffer | null {
  const keys = Buffer.from(base64, 'base64');
  return keys.length === ticketKeyBytes ? keys : null;
}
