// Kinds of zod fields whose one message is the rule itself ("an integer from 0 to 256"), whatever was wrong with the
// value: the reader of an error wants to know what is allowed.
import { z } from 'zod';

export function integer(min: number, max: number): z.ZodInt {
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** Fractions allowed. */
export function decimal(min: number, max: number): z.ZodNumber {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

export function flag(): z.ZodBoolean {
  return z.boolean({ error: 'true or false' });
}

export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, { error: allowedList(values) });
}

/** A string that fits the pattern; `rule` says it in words. The pattern also goes into the JSON Schema. */
export function pattern(form: RegExp, rule: string): z.ZodString {
  return z.string({ error: rule }).regex(form, { error: rule });
}

/** A string for which the predicate holds. */
export function text(isAllowed: (value: string) => boolean, rule: string): z.ZodString {
  return z.string({ error: rule }).refine(isAllowed, { error: rule });
}

export function listOf<T extends z.ZodType>(
  element: T,
  range: { min?: number; max: number; what: string },
): z.ZodArray<T> {
  const min = range.min ?? 0;
  const error =
    min > 0
      ? `a list of ${min} to ${range.max} ${range.what}`
      : `a list of at most ${range.max} ${range.what}`;
  // Not `.min().max()`: zod runs those on anything with a `length`, and a table { length = {…} } makes them throw.
  return z
    .array(element, { error })
    .refine((list) => list.length >= min && list.length <= range.max, { error });
}

/** `"a", "b" or "c"`. */
export function allowedList(values: readonly string[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
