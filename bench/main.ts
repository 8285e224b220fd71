// npm run bench -- routing [--rounds N] [--seconds S] [--json]

import { parseArgs } from 'node:util';
import { benchRouting, type RowResult } from './routing.ts';

const USAGE = `Usage: npm run bench -- routing [--rounds N] [--seconds S] [--json]

  routing      round trips through one and two Main Relays, beside a bare WebSocket forwarder
  --rounds N   rounds of every row, interleaved; each figure is their median (default 5)
  --seconds S  measured time of a row in a round (default 2)
  --json       the figures as JSON`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const measureMs = Number(values.seconds) * 1_000;
const [suite = 'routing'] = positionals;

if (values.help) {
  console.log(USAGE);
} else if (suite !== 'routing' || !(rounds >= 1) || !(measureMs > 0)) {
  console.error(`Error: cannot run ${JSON.stringify(process.argv.slice(2).join(' '))}\n\n${USAGE}`);
  process.exitCode = 2;
} else {
  const rows = await benchRouting({ rounds, measureMs });
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows));
  if (rows.some(({ failures }) => failures > 0)) process.exitCode = 1;
}

/** As Markdown, so that it can stand in docs/performance.md as it is. */
function table(rows: readonly RowResult[]): string {
  const head =
    '| in flight | what | round trips/s | ± | p50 ms | p99 ms | of bare | CPU µs a call, by process |';
  const lines = rows.map(({ inFlight, name, perSecond, spread, p50Ms, p99Ms, ratio, cpuUs, failures }) => {
    const cpu = Object.entries(cpuUs).map(([process, us]) => `${process} ${us.toFixed(1)}`);
    const cells = [
      inFlight,
      failures === 0 ? name : `${name} (${failures} FAILED)`,
      Math.round(perSecond).toLocaleString('en'),
      `${(spread * 100).toFixed(0)} %`,
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
      ratio === undefined ? '' : `${(ratio * 100).toFixed(0)} %`,
      cpu.join(', '),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [head, '|---:|---|---:|---:|---:|---:|---:|---|', ...lines].join('\n');
}
