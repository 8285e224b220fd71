// The samples of a soak as SVG: one panel per quantity, one line per node, the warm-up in grey.

import { inUnits, QUANTITIES, type Quantity, type Sample, seriesOf } from './growth.ts';

const WIDTH = 520;
const HEIGHT = 190;
const LEFT = 80;
const TOP = 34;
const PER_ROW = 2;
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#8c564b'];

export function plot(samples: readonly Sample[], warmUp: number): string {
  const nodes = [...(samples[0]?.nodes.keys() ?? [])];
  const rows = Math.ceil(QUANTITIES.length / PER_ROW);
  const width = PER_ROW * (WIDTH + LEFT) + 30;
  const height = rows * (HEIGHT + TOP + 24) + 40;
  const legend = nodes.map(
    (node, index) => `<text x="${LEFT + index * 140}" y="18" fill="${colour(index)}">${node}</text>`,
  );
  const panels = QUANTITIES.map((quantity, index) => {
    const x = LEFT + (index % PER_ROW) * (WIDTH + LEFT);
    const y = 30 + TOP + Math.floor(index / PER_ROW) * (HEIGHT + TOP + 24);
    return `<g transform="translate(${x} ${y})">${panel(samples, nodes, quantity, warmUp)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${[...legend, ...panels].join('\n')}
</svg>
`;
}

function panel(
  samples: readonly Sample[],
  nodes: readonly string[],
  quantity: Quantity,
  warmUp: number,
): string {
  const lines = nodes.map((node) => seriesOf(samples, node, quantity));
  const top = Math.max(1, ...lines.flat().map(({ value }) => value)) * 1.1;
  const end = Math.max(1, samples.at(-1)?.seconds ?? 1);
  const x = (seconds: number): string => ((seconds / end) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
  const paths = lines.map((points, index) => {
    const corners = points.map(({ seconds, value }) => `${x(seconds)},${y(value)}`).join(' ');
    return `<polyline points="${corners}" fill="none" stroke="${colour(index)}" stroke-width="1.5"/>`;
  });
  return [
    `<text y="-8" font-weight="bold">${quantity}</text>`,
    `<rect width="${x(Math.min(warmUp, end))}" height="${HEIGHT}" fill="#eee"/>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#999"/>`,
    `<text x="-6" y="10" text-anchor="end">${inUnits(quantity, top)}</text>`,
    `<text x="-6" y="${HEIGHT}" text-anchor="end">0</text>`,
    `<text x="${WIDTH}" y="${HEIGHT + 15}" text-anchor="end">${(end / 60).toFixed(1)} min</text>`,
    ...paths,
  ].join('\n');
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? 'black';
}
