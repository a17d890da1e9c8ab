// The Prometheus text format, version 0.0.4: families of samples as text. Pure; knows no metric by name.

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** Per bucket, not cumulative; one more than there are bounds. */
  readonly buckets: readonly number[];
  readonly sum: number;
}

interface FamilyHead {
  readonly name: string;
  readonly help: string;
}

export type Family =
  | (FamilyHead & { readonly type: 'counter' | 'gauge'; readonly samples: readonly Sample[] })
  | (FamilyHead & {
      readonly type: 'histogram';
      /** Upper bounds of the buckets, without +Inf. */
      readonly bounds: readonly number[];
      readonly samples: readonly HistogramSample[];
    });

export const counter = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: 'counter',
  samples,
});
export const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name,
  help,
  type: 'gauge',
  samples,
});

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

const escapeLabel = (text: string): string => text.replaceAll(/[\\"\n]/g, (found) => escapes[found] ?? found);

/** In HELP a quote stands for itself. */
const escapeHelp = (text: string): string => text.replaceAll(/[\\\n]/g, (found) => escapes[found] ?? found);

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}

function histogramLines(name: string, bounds: readonly number[], sample: HistogramSample): string {
  const { labels, buckets, sum } = sample;
  let count = 0;
  let text = '';
  for (const [index, le] of [...bounds.map(String), '+Inf'].entries()) {
    count += buckets[index] ?? 0;
    text += line(`${name}_bucket`, { ...labels, le }, count);
  }
  return `${text}${line(`${name}_sum`, labels, sum)}${line(`${name}_count`, labels, count)}`;
}

function familyText(family: Family): string {
  const { name, help, type } = family;
  const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  const lines =
    family.type === 'histogram'
      ? family.samples.map((sample) => histogramLines(name, family.bounds, sample))
      : family.samples.map((sample) => line(name, sample.labels, sample.value));
  return head + lines.join('');
}

/** Families without a sample are left out. */
export function formatExposition(families: readonly Family[]): string {
  return families
    .filter((family) => family.samples.length > 0)
    .map(familyText)
    .join('');
}
