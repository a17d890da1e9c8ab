// The certificates in use, by SNI: exact, wildcard, then the default (spec 50). Replaced as a whole at any time:
// handshakes that begin afterwards see the new ones.
import { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { CertificateView } from '../control/messages.ts';
import type { DataPlaneLog } from '../data-plane.types.ts';
import { SecureContexts } from './secure-contexts.ts';
import type { ServedCertificate } from './served-certificate.ts';

export interface StoredCertificate {
  readonly served: ServedCertificate;
  readonly view: CertificateView;
}

export class CertificateStore {
  readonly #log: DataPlaneLog;
  readonly #contexts: SecureContexts;
  #byName: ReadonlyMap<string, StoredCertificate> = new Map();
  #default: StoredCertificate | null = null;
  /** Found unusable. */
  readonly #broken = new WeakSet<CertificateView>();

  constructor(log: DataPlaneLog, contextsMax: number) {
    this.#log = log;
    this.#contexts = new SecureContexts(contextsMax);
  }

  get default(): StoredCertificate | null {
    return this.#default;
  }

  /**
   * One that cannot be used is left out and reported, the others are served. All but the default one show it when they
   * are first asked for: the control process has tried each before it sent them.
   */
  update(views: readonly CertificateView[]): void {
    const byName = new Map<string, StoredCertificate>();
    let fallback: StoredCertificate | null = null;
    this.#contexts.keep(views);
    for (const view of views) {
      const stored = storedOf(view);
      if (view.isDefault) {
        if (this.#contextOf(view) === null) continue;
        fallback = stored;
      }
      // Its own names; the default one keeps out of the way of any other for the same name.
      for (const name of stored.served.names)
        if (!view.isDefault || !byName.has(name)) byName.set(name, stored);
    }
    this.#byName = byName;
    this.#default = fallback;
  }

  /** `serverName` null: no SNI. Null when there is no certificate at all. */
  select(serverName: string | null): StoredCertificate | null {
    if (serverName === null) return this.#default;
    const name = serverName.toLowerCase();
    const dot = name.indexOf('.');
    return this.#usable(name) ?? (dot > 0 ? this.#usable(`*${name.slice(dot)}`) : undefined) ?? this.#default;
  }

  /** What a handshake for that name is made with; null when there is no certificate at all. */
  context(serverName: string): SecureContext | null {
    for (;;) {
      const stored = this.select(serverName);
      if (stored === null) return null;
      const context = this.#contextOf(stored.view);
      if (context !== null) return context;
      // The one for which there is nothing better.
      if (stored === this.#default) return null;
    }
  }

  #usable(name: string): StoredCertificate | undefined {
    const stored = this.#byName.get(name);
    return stored === undefined || this.#broken.has(stored.view) ? undefined : stored;
  }

  #contextOf(view: CertificateView): SecureContext | null {
    try {
      return this.#contexts.of(view);
    } catch (error) {
      this.#broken.add(view);
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error({ names: view.names, subject: subjectOf(view), reason }, 'certificate left out');
      return null;
    }
  }
}

const storedOf = (view: CertificateView): StoredCertificate => ({
  served: { names: view.names.map((name) => name.toLowerCase()), isDefault: view.isDefault },
  view,
});

function subjectOf(view: CertificateView): string | null {
  try {
    return new X509Certificate(view.certificate).subject;
  } catch {
    // The text is no certificate; that is what is being reported.
    return null;
  }
}
