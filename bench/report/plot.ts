// The ratios to nginx as bars, one group a workload, in SVG without any library.
import { ratioTo, type RunResult } from './result.ts';

const barHeight = 16;
const groupGap = 34;
const labelWidth = 150;
const plotWidth = 560;
const ratioMax = 14;
const colours: Readonly<Record<string, string>> = {
  nginx: '#5a9e6f',
  HAProxy: '#4f7cac',
  Caddy: '#8c7ab8',
  'http-proxy 1.18': '#b88a5a',
  'http-proxy-3': '#d3ad83',
  Tako: '#d1495b',
  'Tako, access log on': '#e08e99',
};

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const scale = (ratio: number): number => (Math.log2(1 + ratio) / Math.log2(1 + ratioMax)) * plotWidth;

export function plotRatios(run: RunResult): string {
  const parts: string[] = [];
  let y = 40;
  for (const workload of run.workloads) {
    parts.push(
      `<text x="0" y="${y}" class="title">${escape(workload.title)} (CPU per ${workload.unit}, nginx = 1)</text>`,
    );
    y += 8;
    for (const peer of workload.peers) {
      const ratio = ratioTo('nginx', workload, peer);
      if (!Number.isFinite(ratio)) continue;
      const width = Math.min(plotWidth, scale(ratio));
      parts.push(
        `<text x="${labelWidth - 8}" y="${y + 12}" class="label">${escape(peer.peer)}</text>`,
        `<rect x="${labelWidth}" y="${y + 2}" width="${width.toFixed(1)}" height="${barHeight - 4}" fill="${colours[peer.peer] ?? '#888'}"/>`,
        `<text x="${labelWidth + width + 6}" y="${y + 12}">${ratio.toFixed(2)}×</text>`,
      );
      y += barHeight;
    }
    y += groupGap;
  }
  const line = labelWidth + scale(1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labelWidth + plotWidth + 70} ${y}" font-family="sans-serif" font-size="11">
<style>.title{font-weight:bold;font-size:13px}.label{text-anchor:end}</style>
<rect width="100%" height="100%" fill="#fff"/>
<line x1="${line.toFixed(1)}" y1="24" x2="${line.toFixed(1)}" y2="${y - groupGap}" stroke="#999" stroke-dasharray="3 3"/>
${parts.join('\n')}
</svg>
`;
}
