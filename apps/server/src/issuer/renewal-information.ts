// ACME renewal information (RFC 9773): the certificate's identifier, the CA's answer, the time chosen from it. Pure.
import { z } from 'zod';
import { issuerLimits } from './limits.ts';

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const answerSchema = z.object({
  suggestedWindow: z.object({ start: time, end: time }),
  explanationURL: z.url().optional(),
});

export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
  readonly explanationUrl: string | null;
}

/** null when it is not an answer that RFC 9773 §4.2 allows: it is then as if the CA had none. */
export function parseRenewalInformation(value: unknown): RenewalWindow | null {
  const answer = answerSchema.safeParse(value);
  if (!answer.success) return null;
  const { start, end } = answer.data.suggestedWindow;
  if (end <= start) return null;
  return { start, end, explanationUrl: answer.data.explanationURL ?? null };
}

/** RFC 9773 §4.2: a uniformly random time in the window; one in the past means now. */
export function timeInWindow(window: RenewalWindow, chance: number): number {
  return Math.round(window.start + (window.end - window.start) * chance);
}

/**
 * The time to renew, after a new answer. One that was chosen before and still lies in the window stays: every poll
 * would otherwise move it.
 */
export function chooseRenewalAt(window: RenewalWindow, before: number, chance: number): number {
  if (before >= window.start && before <= window.end) return before;
  return timeInWindow(window, chance);
}

/** When to ask again (RFC 9773 §4.3.1: the client sets limits of its own to `Retry-After`). */
export function nextPollAt(nowMs: number, retryAfterMs: number | null): number {
  const { ariPollMinMs, ariPollMaxMs, ariPollDefaultMs } = issuerLimits;
  return nowMs + Math.min(Math.max(retryAfterMs ?? ariPollDefaultMs, ariPollMinMs), ariPollMaxMs);
}
