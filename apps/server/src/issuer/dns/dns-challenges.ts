// DNS-01 challenges of all orders: records made, seen by the zone's servers, and taken away again. One change at a time,
// since providers write whole record sets.
import { createHash } from 'node:crypto';
import { errorMessage } from '../../files/durable-file.ts';
import type { Log } from '../../log.ts';
import { issuerLimits } from '../limits.ts';
import type { ChallengeToPresent, RefusedName } from '../order-thread.types.ts';
import type { DnsProvider, TxtRecord } from './dns-provider.types.ts';
import { resolveAlias, waitForValue } from './propagation.ts';
import type { NameServerAddress } from './propagation.ts';

export interface DnsChallengesDeps {
  readonly provider: DnsProvider;
  /** Asked instead of the zone's own servers; [] for those. */
  readonly servers: readonly NameServerAddress[];
  readonly log: Log;
}

/** RFC 8555 §8.4. */
export function recordOf(challenge: Pick<ChallengeToPresent, 'host' | 'keyAuthorization'>): TxtRecord {
  return {
    name: `_acme-challenge.${challenge.host}`,
    value: createHash('sha256').update(challenge.keyAuthorization).digest('base64url'),
  };
}

export class DnsChallenges {
  readonly #deps: DnsChallengesDeps;
  /** By value: what was made, under the name it was made. */
  readonly #made = new Map<string, TxtRecord>();
  #line: Promise<unknown> = Promise.resolve();

  constructor(deps: DnsChallengesDeps) {
    this.#deps = deps;
  }

  /** Resolves when the CA may look; to the names for which that could not be done. */
  async present(challenges: readonly ChallengeToPresent[], signal: AbortSignal): Promise<RefusedName[]> {
    const { provider, servers, log } = this.#deps;
    const failures: RefusedName[] = [];
    const made: TxtRecord[] = [];
    for (const challenge of challenges) {
      try {
        const wanted = recordOf(challenge);
        const record = { ...wanted, name: await resolveAlias(wanted.name, servers) };
        this.#made.set(record.value, record);
        await this.#inLine(() => provider.add(record, signal));
        made.push(record);
      } catch (error) {
        const message = `DNS provider ${provider.name}: ${errorMessage(error)}`;
        failures.push({ name: challenge.name, message, problem: null });
      }
    }
    if (failures.length > 0) return failures;
    await Promise.all(
      made.map(async (record) => {
        const outcome = await waitForValue(record, servers, signal).catch(errorMessage);
        if (outcome !== 'seen')
          log.warn({ name: record.name, outcome }, 'challenge record was not seen in DNS');
      }),
    );
    return [];
  }

  /** Never rejects: a record that stays is reported. */
  async withdraw(challenges: readonly ChallengeToPresent[]): Promise<void> {
    const { provider, log } = this.#deps;
    const signal = AbortSignal.timeout(issuerLimits.dnsHookTimeoutMs);
    for (const challenge of challenges) {
      const { value } = recordOf(challenge);
      const record = this.#made.get(value);
      if (record === undefined) continue;
      this.#made.delete(value);
      try {
        await this.#inLine(() => provider.remove(record, signal));
      } catch (error) {
        log.warn({ err: error, name: record.name }, 'challenge record was not removed');
      }
    }
  }

  async #inLine<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work, work);
    this.#line = turn.catch(() => undefined);
    return turn;
  }
}
