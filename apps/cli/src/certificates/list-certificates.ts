// The certificates of each server as a table and as JSON; one that cannot be reached is part of the answer.
import type { CertificateState, CertificateStatus } from '@tako/protocol';
import { errorFacts } from '../output/error-report.ts';
import type { Style } from '../output/style.ts';
import { fitTable } from '../output/table.ts';
import { sanitizeText, wrapColumns } from '../output/text.ts';
import { failuresOf, onEachServer, valuesOf, type ServerOutcome } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';
import { formatMoment } from './format-moment.ts';

export type OpenSession = (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
export type CertificateOutcomes = readonly ServerOutcome<readonly CertificateStatus[]>[];

export async function listCertificates(
  servers: readonly { readonly name: string }[],
  open: OpenSession,
  signal: AbortSignal,
): Promise<CertificateOutcomes> {
  const outcomes = await onEachServer(servers, async (server) => {
    await using session = await open(server, signal);
    return await session.call(({ api }) => api.certificates.query(undefined, { signal }));
  });
  signal.throwIfAborted();
  return outcomes;
}

export function certificatesJson(outcomes: CertificateOutcomes): unknown {
  return {
    schema: 'tako.certificates/1',
    ok: outcomes.every(({ kind }) => kind === 'ok'),
    servers: outcomes.map((outcome) =>
      outcome.kind === 'ok'
        ? { server: outcome.server, certificates: outcome.value }
        : { server: outcome.server, error: errorFacts(outcome.error) },
    ),
  };
}

const head = ['SERVER', 'NAMES', 'STATE', 'SOURCE', 'ISSUER', 'EXPIRES', 'NEXT TRY'];
/** More are counted: an order may have a hundred. */
const namesShownMax = 3;

export function shownNames(names: readonly string[]): string {
  const more = names.length - namesShownMax;
  return `${names.slice(0, namesShownMax).join(', ')}${more > 0 ? `, ${more} more` : ''}`;
}

export interface CertificatesTextOptions {
  readonly style: Style;
  /** Of the terminal; Infinity where there is none. */
  readonly columns: number;
  readonly nowMs: number;
}

export function certificatesText(outcomes: CertificateOutcomes, options: CertificatesTextOptions): string {
  const { style, columns, nowMs } = options;
  const all = valuesOf(outcomes).flatMap(({ server, value }) =>
    value.map((certificate) => ({ server, certificate })),
  );
  const rows = all.map(({ server, certificate }) => cells(server, certificate, nowMs));
  const table = fitTable({ head, rows, titleColumns: 2 }, columns);
  const coloured = table.rows.map((text, index) => colour(all[index]?.certificate.state, text, style));
  const errors = all.flatMap(({ server, certificate: { names, lastError } }) =>
    lastError === null
      ? []
      : [`${style.red('last error')} ${server} ${shownNames(names)}: ${sanitizeText(lastError)}`],
  );
  const failures = failuresOf(outcomes).map(({ server, error }) => {
    const { code, message, hint } = errorFacts(error);
    return `${style.red('unreachable')} ${server}: ${sanitizeText(message)} (${code})${hint === null ? '' : `\n  ${sanitizeText(hint)}`}`;
  });
  const list = rows.length > 0 ? [...(table.head === null ? [] : [table.head]), ...coloured] : [];
  const wrapped = (texts: readonly string[]): string[] =>
    texts.flatMap((text) => text.split('\n')).flatMap((line) => wrapColumns(line, columns, 2));
  const parts = [list, wrapped(errors), wrapped(failures)]
    .map((lines) => lines.join('\n'))
    .filter((part) => part !== '');
  return parts.length > 0 ? parts.join('\n\n') : 'no certificates';
}

function cells(server: string, certificate: CertificateStatus, nowMs: number): string[] {
  const { names, state, source, issuer, notAfter, nextTryAt } = certificate;
  // The state says it all; nobody issued it.
  const isSelfSigned = source === 'self-signed';
  return [
    server,
    shownNames(names),
    state,
    isSelfSigned ? '-' : source,
    isSelfSigned ? '-' : sanitizeText(issuer ?? '-'),
    notAfter === null ? '-' : formatMoment(notAfter, nowMs),
    nextTryAt === null ? '-' : formatMoment(nextTryAt, nowMs),
  ];
}

function colour(state: CertificateState | undefined, text: string, style: Style): string {
  if (state === 'expired' || state === 'failing') return style.red(text);
  return state === 'expiring' ? style.yellow(text) : text;
}
