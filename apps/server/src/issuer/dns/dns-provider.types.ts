// What a DNS provider can do for DNS-01 (RFC 8555 §8.4): add and remove one TXT value beside those that are there.

export interface TxtRecord {
  /** Lower case, without a dot at the end: `_acme-challenge.example.com`. */
  readonly name: string;
  readonly value: string;
}

export interface DnsProvider {
  readonly name: string;
  /** Resolves when the provider took it; other values of the name stay. Throws what it said. */
  add(record: TxtRecord, signal: AbortSignal): Promise<void>;
  /** Also of a value that is not there. */
  remove(record: TxtRecord, signal: AbortSignal): Promise<void>;
}

/** Keys of the credentials file. */
export type Credentials = Readonly<Record<string, string>>;

/** `a.b.example.com` → itself, `b.example.com`, `example.com`, `com`: where the zone may begin. */
export function parentsOf(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
