// When two lanes have done the same. What may differ, and why that is right, is decision 16.
import type { Outcome } from './two-sides.ts';

/** A page of our own, given before the body was read: the connection may end with it, as much of the body as was there. */
const isEarlyRefusal = (outcome: Outcome): boolean => {
  const last = outcome.client.at(-1);
  return last !== undefined && last.status >= 400 && last.fields.includes('cache-control: no-store');
};

/** Both, up to where one of them may have ended the connection earlier than the other. */
export function comparable(one: Outcome, other: Outcome): [Outcome, Outcome] {
  const [shorter, longer] = one.client.length < other.client.length ? [one, other] : [other, one];
  if (shorter.client.length === longer.client.length || !isEarlyRefusal(shorter)) return [one, other];
  const answers = shorter.client.length;
  const requests = shorter.app.length;
  const cut = ({ app, client }: Outcome): Outcome => ({
    app: app.slice(0, requests),
    client: client.slice(0, answers),
  });
  return [cut(one), cut(other)];
}
