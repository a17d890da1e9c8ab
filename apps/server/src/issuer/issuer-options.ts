// The issuer's options as the daemon has them (texts), and as the issuer uses them: CAs in order, files read and checked.
import { readFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { optionInvalid, readSecretFile } from './dns/credentials.ts';
import { openDnsProvider } from './dns/open-dns-provider.ts';
import type { OpenDnsProvider } from './dns/open-dns-provider.ts';
import type { ChallengeType, ExternalAccount } from './order-thread.types.ts';

export type AcmeMode = 'on' | 'staging' | 'off';

export interface IssuerOptionTexts {
  readonly mode: AcmeMode;
  /** In order of preference; [] for Let's Encrypt, production or staging by the mode. */
  readonly directories: readonly string[];
  /** '' for none. */
  readonly email: string;
  /** PEM file; '' for the system's roots only. */
  readonly caFile: string;
  /** `DIRECTORY-URL KEY-ID HMAC-KEY` a line, 0600; '' for none. */
  readonly eabFile: string;
  /** '' for none. */
  readonly dnsProvider: string;
  readonly dnsCredentialsFile: string;
  /** Whether a name reaches us is looked at before a CA is asked. */
  readonly check: boolean;
  readonly renewalIntervalMs: number;
}

export interface CaOptions {
  readonly directory: string;
  readonly externalAccount: ExternalAccount | null;
}

export interface IssuerOptions {
  readonly mode: AcmeMode;
  readonly authorities: readonly CaOptions[];
  readonly email: string;
  readonly extraRoots: string | null;
  readonly dns: OpenDnsProvider | null;
  readonly check: boolean;
  readonly renewalIntervalMs: number;
  /** For names that are no wildcards, by preference; `dns-01` follows where there is a provider. */
  readonly challenges: readonly Exclude<ChallengeType, 'dns-01'>[];
}

export const letsEncrypt = Object.freeze({
  on: 'https://acme-v02.api.letsencrypt.org/directory',
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
});

/** For people. */
export function nameOfCa(directory: string): string {
  if (directory === letsEncrypt.on) return 'Let’s Encrypt';
  if (directory === letsEncrypt.staging) return 'Let’s Encrypt (staging)';
  return URL.canParse(directory) ? new URL(directory).host : directory;
}

function checkDirectory(directory: string): string {
  if (URL.canParse(directory) && new URL(directory).protocol === 'https:') return directory;
  throw optionInvalid(
    `--acme-directory is ${JSON.stringify(directory)}.`,
    'Give the https:// URL of a CA’s ACME directory.',
  );
}

function checkEmail(email: string): string {
  if (email === '' || /^[^\s@,?]+@[^\s@,?]+$/.test(email)) return email;
  throw optionInvalid(`--acme-email is ${JSON.stringify(email)}.`, 'Give one address, or leave it out.');
}

export function parseExternalAccounts(text: string, file: string): Map<string, ExternalAccount> {
  const accounts = new Map<string, ExternalAccount>();
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [directory, keyId, hmacKey, ...rest] = trimmed.split(/\s+/);
    const isWhole =
      directory !== undefined && keyId !== undefined && hmacKey !== undefined && rest.length === 0;
    if (!isWhole || !/^[A-Za-z0-9+/_-]+=*$/.test(hmacKey))
      throw optionInvalid(
        `${file}, line ${index + 1} is not \`DIRECTORY-URL KEY-ID HMAC-KEY\`.`,
        'Write one line for each CA, with the two values that it gave you.',
      );
    accounts.set(checkDirectory(directory), { keyId, hmacKey });
  }
  return accounts;
}

async function readRoots(file: string): Promise<string | null> {
  if (file === '') return null;
  try {
    const pem = await readFile(file, 'utf8');
    return new X509Certificate(pem).raw.length > 0 ? pem : null;
  } catch (cause) {
    throw optionInvalid(
      `--acme-ca-file ${file} holds no PEM certificate that can be read.`,
      'Give the CA’s root as PEM.',
      cause,
    );
  }
}

/** Throws OPTION_INVALID, naming the option or file. */
export async function readIssuerOptions(
  texts: IssuerOptionTexts,
  nowMs: () => number,
): Promise<IssuerOptions> {
  const { mode } = texts;
  const standard = mode === 'staging' ? letsEncrypt.staging : letsEncrypt.on;
  const directories = texts.directories.length > 0 ? texts.directories.map(checkDirectory) : [standard];
  const external =
    texts.eabFile === ''
      ? new Map<string, ExternalAccount>()
      : parseExternalAccounts(await readSecretFile(texts.eabFile), texts.eabFile);
  return {
    mode,
    authorities: [...new Set(directories)].map((directory) => ({
      directory,
      externalAccount: external.get(directory) ?? null,
    })),
    email: checkEmail(texts.email),
    extraRoots: await readRoots(texts.caFile),
    dns:
      texts.dnsProvider === ''
        ? null
        : await openDnsProvider(texts.dnsProvider, texts.dnsCredentialsFile, nowMs),
    check: texts.check,
    renewalIntervalMs: texts.renewalIntervalMs,
    challenges: ['http-01', 'tls-alpn-01'],
  };
}
