// TLS contexts of certificates, each made when a handshake first wants it: one costs about 1 ms and 30 KB, and of a
// thousand names most are asked for rarely. The longest unused one makes room. Knows no names.
import { createSecureContext, type SecureContext } from 'node:tls';
import type { CertificateView } from '../control/messages.ts';
import { tlsProfile } from './tls-profile.ts';

interface Made {
  readonly privateKey: string;
  readonly context: SecureContext;
}

export class SecureContexts {
  readonly #max: number;
  /** By the text of the certificate; the latest used one last. */
  readonly #made = new Map<string, Made>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#made.size;
  }

  /** Throws what OpenSSL says of a pair that cannot be used. */
  of({ certificate, privateKey }: CertificateView): SecureContext {
    const known = this.#made.get(certificate);
    this.#made.delete(certificate);
    const made = known?.privateKey === privateKey ? known : make(certificate, privateKey);
    this.#made.set(certificate, made);
    if (this.#made.size > this.#max) {
      const [oldest] = this.#made.keys();
      if (oldest !== undefined) this.#made.delete(oldest);
    }
    return made.context;
  }

  /** Forgets those of all others. */
  keep(views: readonly CertificateView[]): void {
    const kept = new Set(views.map((view) => view.certificate));
    for (const certificate of this.#made.keys()) if (!kept.has(certificate)) this.#made.delete(certificate);
  }
}

function make(certificate: string, privateKey: string): Made {
  const options = { ...tlsProfile, cert: certificate, key: privateKey, dhparam: 'auto' } as const;
  return { privateKey, context: createSecureContext(options) };
}
