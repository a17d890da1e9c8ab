import { describe, expect, it } from 'vitest';
import { ariIdOf } from './ari-id.ts';
import { chooseRenewalAt, nextPollAt, parseRenewalInformation, timeInWindow } from './renewal-information.ts';
import { latestRenewalAt, renewalAt } from './renewal-time.ts';

const DAY = 86_400_000;
const hour = 3_600_000;

describe('the time to renew', () => {
  it('is when a third of the lifetime is left, up to a tenth of it earlier', () => {
    const validity = { notBefore: 0, notAfter: 90 * DAY };
    expect(latestRenewalAt(validity)).toBe(60 * DAY);
    expect(renewalAt(validity, 0, 0)).toBe(60 * DAY);
    expect(renewalAt(validity, 0, 1)).toBe(57 * DAY);
  });

  it('is half of the lifetime for those that live less than ten days', () => {
    expect(latestRenewalAt({ notBefore: 0, notAfter: 6 * DAY })).toBe(3 * DAY);
    expect(latestRenewalAt({ notBefore: 0, notAfter: 10 * DAY - 3 })).toBe(5 * DAY - 1);
    expect(latestRenewalAt({ notBefore: 0, notAfter: 12 * DAY })).toBe(8 * DAY);
  });

  it('is never soon after the issue, however far ahead the own clock is', () => {
    const validity = { notBefore: 0, notAfter: 90 * DAY };
    for (const aheadDays of [45, 59, 90, 1_000]) {
      const issuedAt = aheadDays * DAY;
      expect(renewalAt(validity, issuedAt, 1) - issuedAt).toBeGreaterThan(30 * DAY);
    }
    // Behind: the CA's dates stand.
    expect(renewalAt(validity, -1_000 * DAY, 0)).toBe(60 * DAY);
  });
});

describe('renewal information (RFC 9773)', () => {
  const window = { start: 10 * DAY, end: 12 * DAY, explanationUrl: null };

  it('is read as the RFC has it', () => {
    expect(
      parseRenewalInformation({
        suggestedWindow: { start: '2025-01-02T04:00:00Z', end: '2025-01-03T04:00:00+00:00' },
        explanationURL: 'https://acme.example.com/docs/ari',
        more: 1,
      }),
    ).toEqual({
      start: Date.UTC(2025, 0, 2, 4),
      end: Date.UTC(2025, 0, 3, 4),
      explanationUrl: 'https://acme.example.com/docs/ari',
    });
  });

  it.each([
    [undefined],
    ['text'],
    [{}],
    [{ suggestedWindow: { start: '2025-01-02T04:00:00Z' } }],
    [{ suggestedWindow: { start: 'tomorrow', end: 'later' } }],
    [{ suggestedWindow: { start: '2025-01-03T04:00:00Z', end: '2025-01-02T04:00:00Z' } }],
    [{ suggestedWindow: { start: '2025-01-03T04:00:00Z', end: '2025-01-03T04:00:00Z' } }],
  ])('is no information: %j', (value) => {
    expect(parseRenewalInformation(value)).toBeNull();
  });

  it('gives a time anywhere in the window, which stays as long as the window holds it', () => {
    expect(timeInWindow(window, 0)).toBe(10 * DAY);
    expect(timeInWindow(window, 0.5)).toBe(11 * DAY);
    expect(chooseRenewalAt(window, 10.2 * DAY, 0.9)).toBe(10.2 * DAY);
    expect(chooseRenewalAt(window, 60 * DAY, 0.5)).toBe(11 * DAY);
    expect(chooseRenewalAt(window, 9 * DAY, 0.5)).toBe(11 * DAY);
  });

  it('is asked for as the CA says, between a minute and a day', () => {
    expect(nextPollAt(0, null)).toBe(6 * hour);
    expect(nextPollAt(0, 1_000)).toBe(60_000);
    expect(nextPollAt(0, 60_000)).toBe(60_000);
    expect(nextPollAt(0, 5 * DAY)).toBe(DAY);
  });

  it('names a certificate as in the example of the RFC (appendix A)', () => {
    const certificate = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;
    expect(ariIdOf(certificate)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
    expect(ariIdOf('no certificate')).toBeNull();
  });
});
