// One line of the access log as JSON. Text that a client made is cut to a bound.
import type { LogFacts } from './log-facts.ts';

export function formatLogLine(facts: LogFacts, { time, textMax }: { time: string; textMax: number }): string {
  const cutTo = (text: string | null, max: number): string | null =>
    text !== null && text.length > max ? text.slice(0, max) : text;
  return `${JSON.stringify({
    time,
    ...facts,
    method: cutTo(facts.method, 32),
    host: cutTo(facts.host, 255),
    path: cutTo(facts.path, textMax),
    durationMs: roundMs(facts.durationMs),
    upstreamMs: facts.upstreamMs === null ? null : roundMs(facts.upstreamMs),
    cause: cutTo(facts.cause, 256),
  })}\n`;
}

const roundMs = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000;
