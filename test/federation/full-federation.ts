// ./test_full_federation.sh: the test cases of the migration plan, by their numbers, on three Mains and six Homes.

import { seededRandom } from '@relay/testkit';
import { formatMs, table } from '../../packages/cli/src/terminal.ts';
import { optionalText } from './command-line.ts';
import { Federation } from './federation.ts';
import { PHASE_1 } from './scenarios/phase-1.ts';
import { PHASE_2 } from './scenarios/phase-2.ts';
import { PHASE_3 } from './scenarios/phase-3.ts';
import { PHASE_4 } from './scenarios/phase-4.ts';
import { HOMES, MAINS, type Scenario, untilWhole } from './scenarios/scenario.ts';
import { runScript } from './script.ts';

const SCENARIOS: readonly Scenario[] = [...PHASE_1, ...PHASE_2, ...PHASE_3, ...PHASE_4];

await runScript(
  {
    command: './test_full_federation.sh',
    about: [
      'Starts a federation of 3 Mains and 6 Homes, each a process, and tries every test case of the migration plan on it,',
      'numbered as there, with restarts, a partition, a timeout and 1,000 calls at once.',
    ].join('\n'),
    options: { only: optionalText('cases whose number begins so, such as 2 or 3.1', 'NUMBER') },
  },
  async ({ only }, progress) => {
    const chosen = SCENARIOS.filter(({ number }) => only === null || number.startsWith(only));
    if (chosen.length === 0) throw new Error(`no case begins with ${only}`);
    await using federation = await Federation.start(
      { mains: MAINS, homes: HOMES, random: seededRandom('full') },
      (id) => progress.now(`starting ${id}`),
    );
    await untilWhole(federation);
    progress.line(`${MAINS.length} Mains and ${HOMES.length} Homes are up`);
    const rows: string[][] = [];
    let failed = 0;
    for (const { number, title, run } of chosen) {
      progress.now(`${number}: ${title}`);
      const startedAt = performance.now();
      let verdict = 'ok';
      let note: string;
      try {
        note = await run(federation);
      } catch (thrown) {
        failed += 1;
        verdict = 'FAILED';
        [note = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n\n');
      }
      const took = formatMs(performance.now() - startedAt);
      progress.line(`${verdict === 'ok' ? 'ok    ' : 'FAILED'} ${number}: ${title} (${note})`);
      rows.push([number, verdict, took, title]);
    }
    const sum = `${chosen.length - failed} of ${chosen.length} cases`;
    progress.line(['', ...table([['case', '', 'took', ''], ...rows]), ''].join('\n'));
    progress.line(failed === 0 ? `Federation OK (${sum})` : `Federation FAILED (${sum} passed)`);
    return failed === 0;
  },
);
