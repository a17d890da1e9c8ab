// What `status` says about certificates: hosts that are well in one line, others each with what is the matter. Pure.
import type { HostCertificate } from '@tako/protocol';
import { formatMoment } from '../certificates/format-moment.ts';
import type { Style } from '../output/style.ts';
import { formatDuration, sanitizeText } from '../output/text.ts';

export function certificateLines(
  certificates: readonly HostCertificate[],
  style: Style,
  nowMs: number,
): string[] {
  const well = new Map<string, string[]>();
  for (const { host, state, source, notAfter } of certificates) {
    if (state !== 'valid' && state !== 'self-signed') continue;
    const end = notAfter === null ? '' : `, good for ${formatDuration(notAfter - nowMs)}`;
    const words = `${source}${end}`;
    well.set(words, [...(well.get(words) ?? []), host]);
  }
  return [
    ...[...well].map(([words, hosts]) => `certificate ${hosts.join(', ')}: ${words}`),
    ...certificates.flatMap((certificate) => lineOf(certificate, style, nowMs) ?? []),
  ];
}

function lineOf(certificate: HostCertificate, style: Style, nowMs: number): string | null {
  const { host, state, source, notAfter, lastError, nextTryAt } = certificate;
  const end = notAfter === null ? '' : formatMoment(notAfter, nowMs);
  const served = source === 'self-signed' ? 'the self-signed one is served' : `the present one ends ${end}`;
  const next = nextTryAt === null ? '' : `; next try ${formatMoment(nextTryAt, nowMs)}`;
  const error = lastError === null ? '' : `; ${sanitizeText(lastError)}`;
  const line = `certificate ${host}:`;
  if (state === 'pending') return `${line} being asked for, ${served}`;
  if (state === 'expiring')
    return style.yellow(`${line} ends ${end}; give the next one: tako certificates add`);
  if (state === 'expired') return style.red(`${line} ended ${end}${error}${next}`);
  return state === 'failing' ? style.red(`${line} ${served}${error}${next}`) : null;
}
