// What the control process and an order's thread say to one another: plain values, cloned.

export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01';

/** RFC 8555 §7.3.4. */
export interface ExternalAccount {
  readonly keyId: string;
  /** base64url, as CAs hand it out. */
  readonly hmacKey: string;
}

export interface OrderTask {
  readonly directory: string;
  /** PEM; trusted beside the system's roots when talking to the CA. */
  readonly extraRoots: string | null;
  readonly userAgent: string;
  readonly requestTimeoutMs: number;
  /** PEM. */
  readonly accountKey: string;
  /** null: to be registered (or found again by its key). */
  readonly accountUrl: string | null;
  /** '' for none. */
  readonly email: string;
  /** The address at the CA is another one. */
  readonly updateEmail: boolean;
  readonly externalAccount: ExternalAccount | null;
  readonly names: readonly string[];
  /** In order of preference, for each name. */
  readonly methods: Readonly<Record<string, readonly ChallengeType[]>>;
  /** PEM of the certificate's own key. */
  readonly privateKey: string;
  /** An order that was placed before and not finished. */
  readonly orderUrl: string | null;
  /** RFC 9773 §5: the certificate that this order replaces. */
  readonly replaces: string | null;
}

export interface ChallengeToPresent {
  /** As ordered: wildcards with their `*.`. */
  readonly name: string;
  /** RFC 8555's identifier: without `*.`. */
  readonly host: string;
  readonly type: ChallengeType;
  readonly token: string;
  /** RFC 8555 §8.1; for `dns-01`, too. */
  readonly keyAuthorization: string;
}

export interface RefusedName {
  readonly name: string;
  readonly message: string;
  /** The CA's problem type without its prefix (`dns`, `unauthorized`…); null when it was not the CA that refused. */
  readonly problem: string | null;
}

export type OrderPhase = 'account' | 'order' | 'challenge' | 'finalize' | 'certificate';

export interface CaFailure {
  readonly phase: OrderPhase;
  readonly message: string;
  /** Without `urn:ietf:params:acme:error:`. */
  readonly problem: string | null;
  /** HTTP; null when there was no answer. */
  readonly status: number | null;
  /** Node's code: `ECONNREFUSED`, `CERT_HAS_EXPIRED`… */
  readonly networkCode: string | null;
  readonly retryAfterMs: number | null;
  readonly subproblems: readonly RefusedName[];
}

export type OrderResult =
  | { readonly kind: 'issued'; readonly certificate: string; readonly ariId: string | null }
  | { readonly kind: 'refused'; readonly names: readonly RefusedName[] }
  | { readonly kind: 'failed'; readonly failure: CaFailure };

export type FromThread =
  | { readonly type: 'account'; readonly url: string }
  | { readonly type: 'order'; readonly url: string }
  | { readonly type: 'present'; readonly challenges: readonly ChallengeToPresent[] }
  | { readonly type: 'ended'; readonly result: OrderResult };

/** Answers `present`, once every worker or name server has it; or says for which names it could not be done. */
export interface ToThread {
  readonly type: 'presented';
  readonly failures: readonly RefusedName[];
}
