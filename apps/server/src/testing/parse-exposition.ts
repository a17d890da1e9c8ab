// A strict reader of the Prometheus text format, written from its description and not from our writer: whatever a
// scraper could stumble over is an error here. For tests only.

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([^=]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/.exec(rest);
    if (match === null) throw new Error(`labels cannot be read from: ${rest}`);
    const [whole, name = '', escaped = ''] = match;
    if (!labelName.test(name) || name.startsWith('__')) throw new Error(`bad label name ${name}`);
    if (name in labels) throw new Error(`label ${name} twice`);
    labels[name] = escaped.replaceAll(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(text)) throw new Error(`bad value ${text}`);
  return Number(text);
}

function parseSample(line: string): ParsedSample {
  const match = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name = '', labels = '', value = ''] = match;
  if (!metricName.test(name)) throw new Error(`bad metric name ${name}`);
  return { name, labels: parseLabels(labels), value: parseValue(value) };
}

function checkHistogram({ name, samples }: ParsedFamily): void {
  const series = Map.groupBy(samples, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels));
  for (const [key, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((sample) =>
      sample.labels['le'] === '+Inf' ? Infinity : Number(sample.labels['le']),
    );
    const counts = buckets.map((sample) => sample.value);
    const rises = (values: readonly number[], strictly: boolean): boolean =>
      values.every(
        (value, at) => at === 0 || value > (values[at - 1] ?? 0) || (!strictly && value === values[at - 1]),
      );
    if (!rises(bounds, true) || bounds.at(-1) !== Infinity)
      throw new Error(`${name}${key}: bounds ${bounds.join(' ')}`);
    if (!rises(counts, false))
      throw new Error(`${name}${key}: buckets are not cumulative: ${counts.join(' ')}`);
    const count = own.filter((sample) => sample.name === `${name}_count`);
    const sum = own.filter((sample) => sample.name === `${name}_sum`);
    if (count.length !== 1 || sum.length !== 1) throw new Error(`${name}${key}: one _sum and one _count`);
    if (count[0]?.value !== counts.at(-1)) throw new Error(`${name}${key}: _count differs from +Inf`);
  }
}

function checkFamily(family: ParsedFamily): void {
  const { name, type, samples } = family;
  const allowed = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
  for (const sample of samples) {
    if (!allowed.includes(sample.name)) throw new Error(`${sample.name} in the family ${name}`);
    if (type !== 'gauge' && !(sample.value >= 0)) throw new Error(`${sample.name} is negative`);
  }
  if (type === 'counter' && !name.endsWith('_total'))
    throw new Error(`the counter ${name} does not end in _total`);
  if (samples.length === 0) throw new Error(`${name} has no sample`);
  const keys = samples.map(
    ({ name: own, labels }) =>
      own + JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
  if (new Set(keys).size !== keys.length) throw new Error(`${name} has a series twice`);
  if (type === 'histogram') checkHistogram(family);
}

/** Throws with what is wrong. */
export function parseExposition(text: string): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, ParsedFamily & { samples: ParsedSample[] }>();
  let current: (ParsedFamily & { samples: ParsedSample[] }) | null = null;
  let help: readonly [name: string, text: string] | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      help = [name, rest];
    } else if (keyword === 'TYPE') {
      if (help?.[0] !== name || !metricName.test(name)) throw new Error(`TYPE without HELP: ${line}`);
      if (families.has(name)) throw new Error(`${name} comes twice`);
      if (!['counter', 'gauge', 'histogram'].includes(rest)) throw new Error(`unknown type: ${line}`);
      current = { name, type: rest, help: help[1], samples: [] };
      families.set(name, current);
    } else {
      if (current === null) throw new Error(`a sample before any family: ${line}`);
      current.samples.push(parseSample(line));
    }
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}
