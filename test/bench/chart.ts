import type { Row } from './results.ts';

const WIDTH = 760;
const LABEL = 300;
const LINE = 26;
const VALUE = 110;

const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

function bar(row: Row, index: number, longest: number): string {
  const y = 52 + index * LINE;
  const width = Math.max(2, (row.median / longest) * (WIDTH - LABEL - VALUE));
  const ours = row.name.startsWith('tsrun') ? ' class="ours"' : '';
  return [
    `<text x="${LABEL - 10}" y="${y + 13}" text-anchor="end">${escapeXml(row.name)}</text>`,
    `<rect${ours} x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="18" rx="2"/>`,
    `<text x="${(LABEL + width + 8).toFixed(1)}" y="${y + 13}">${row.median.toFixed(row.median < 10 ? 1 : 0)} ms</text>`,
  ].join('\n');
}

/** Horizontal bars of medians, legible on a light page and on a dark one. */
export function chart(title: string, subtitle: string, rows: readonly Row[]): string {
  const longest = Math.max(...rows.map(({ median }) => median));
  const height = 62 + rows.length * LINE;
  const style = [
    'text { font: 13px system-ui, sans-serif; fill: #1f2328 }',
    '.title { font-weight: 600; font-size: 15px } .small { fill: #59636e }',
    'rect { fill: #9aa4b0 } .ours { fill: #2f81f7 }',
    '@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .small { fill: #9198a1 } rect { fill: #656c76 } .ours { fill: #4493f8 } }',
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<style>
${style.join('\n')}
</style>
<text class="title" x="10" y="20">${escapeXml(title)}</text>
<text class="small" x="10" y="38">${escapeXml(subtitle)}</text>
${rows.map((row, i) => bar(row, i, longest)).join('\n')}
</svg>
`;
}
