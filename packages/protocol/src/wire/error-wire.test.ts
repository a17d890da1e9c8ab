import { TakoError } from '@tako/config/tako-error';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protocolLimits } from '../limits.ts';
import { fromHeaderError, fromWireError, toHeaderError, toWireError } from './error-wire.ts';

describe('an error on the wire', () => {
  it('keeps code, message, hint and details, and nothing else', () => {
    const error = new TakoError('LOCK_LOST', 'lost', {
      hint: 'again',
      details: { a: [1, { b: null }] },
      cause: new Error('inner'),
    });
    const wire: unknown = JSON.parse(JSON.stringify(toWireError(error)));
    expect(wire).toEqual({
      code: 'LOCK_LOST',
      message: 'lost',
      hint: 'again',
      details: { a: [1, { b: null }] },
      retryable: true,
    });
    const back = fromWireError(wire);
    expect(back).toBeInstanceOf(TakoError);
    expect(back).toMatchObject({ code: 'LOCK_LOST', message: 'lost', hint: 'again', details: error.details });
    expect(back?.cause).toBeUndefined();
  });

  it('cuts text beyond the limit, and leaves text at the limit whole', () => {
    const max = protocolLimits.errorTextCharsMax;
    expect(toWireError(new TakoError('INTERNAL', 'x'.repeat(max))).message).toHaveLength(max);
    expect(toWireError(new TakoError('INTERNAL', 'x'.repeat(max + 1))).message).toBe(
      `${'x'.repeat(max)}… (cut)`,
    );
  });

  it('replaces details that are too many or that JSON cannot say', () => {
    const max = protocolLimits.errorDetailsCharsMax;
    const fits = { a: 'x'.repeat(max - 8) };
    expect(toWireError(new TakoError('INTERNAL', '', { details: fits })).details).toEqual(fits);
    expect(
      toWireError(new TakoError('INTERNAL', '', { details: { a: 'x'.repeat(max) } })).details,
    ).toMatchObject({ cut: true });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(toWireError(new TakoError('INTERNAL', '', { details: cycle })).details).toEqual({ cut: true });
    expect(toWireError(new TakoError('INTERNAL', '', { details: { big: 1n } })).details).toEqual({
      cut: true,
    });
  });

  it('is never taken from a value that is none', () => {
    const codeless = fc
      .anything()
      .filter((value) => typeof value !== 'object' || value === null || !('code' in value));
    fc.assert(fc.property(codeless, (value) => fromWireError(value) === null));
    expect(fromWireError({ code: 'lower_case', message: '' })).toBeNull();
    expect(fromWireError({ code: 'A'.repeat(65), message: '' })).toBeNull();
    expect(fromWireError({ code: 'LOCK_LOST', message: 7 })).toBeNull();
    expect(fromWireError({ code: 'LOCK_LOST', message: 'm', hint: 7, details: [] })).toMatchObject({
      hint: null,
      details: {},
    });
  });

  it('fits a header, whatever its text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 2000 }),
        fc.string({ unit: 'binary', maxLength: 2000 }),
        (message, hint) => {
          const header = toHeaderError(new TakoError('DISK_FULL', message, { hint }));
          expect(header).toMatch(/^[\x21-\x7e]+$/);
          expect(header.length).toBeLessThan(14_000);
          expect(fromHeaderError(header)?.message).toBe(message.toWellFormed().slice(0, 500));
        },
      ),
    );
    expect(fromHeaderError('%')).toBeNull();
    expect(fromHeaderError('{}')).toBeNull();
  });
});
