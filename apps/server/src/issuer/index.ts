// Public names of the issuer.
export type { AlpnChallengeView, ChallengeView } from './challenge-board.ts';
export { hostCertificates } from './host-certificates.ts';
export {
  type AcmeMode,
  type IssuerOptionTexts,
  type IssuerOptions,
  readIssuerOptions,
} from './issuer-options.ts';
export type { IssuerStorage } from './issuer-storage.ts';
export type { NameUpkeep } from './certificate-report.ts';
export { type Issuer, type IssuerDeps, openIssuer } from './open-issuer.ts';
