import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkedPair } from '@relay/protocol';
import { linkContract } from './link-contract.ts';
import { ManualClock } from './manual-clock.ts';
import { startProcess } from './process.ts';

const clock = new ManualClock();
linkContract('linkedPair', async () => linkedPair(clock), { turn: () => clock.advance(1) });

/** Runs the contract over pairs whose second end has this defect; gives the rules it broke. */
async function brokenRules(defect: string): Promise<string[]> {
  const code = `
    const { linkedPair } = await import('@relay/protocol');
    const { linkContract } = await import(${JSON.stringify(import.meta.resolve('./link-contract.ts'))});
    const { ManualClock } = await import(${JSON.stringify(import.meta.resolve('./manual-clock.ts'))});
    const clock = new ManualClock();
    const broken = (link) => {
      const listen = link.listen.bind(link);
      ${defect}
      return link;
    };
    linkContract('broken', async () => {
      const [a, b] = linkedPair(clock);
      return [a, broken(b)];
    }, { turn: () => clock.advance(1), limitMs: 200 });`;
  await using child = startProcess(
    process.execPath,
    ['--conditions=relay-source', '--test-reporter=tap', '--input-type=module', '-e', code],
    { cwd: import.meta.dirname },
  );
  const { code: exitCode } = await child.exited;
  assert.equal(exitCode, 1, child.stdout.join('\n'));
  return child.stdout.flatMap((line) => /^ +not ok \d+ - (.*)$/.exec(line)?.[1] ?? []);
}

describe('the link contract', () => {
  for (const { why, defect, rule } of [
    {
      why: 'loses a message',
      defect:
        'let n = 0; link.listen = (to) => listen({ onClose: to.onClose, onData: (data) => { if (++n !== 50) to.onData(data); } });',
      rule: 'carries texts and bytes both ways, in order and unchanged',
    },
    {
      why: 'closes twice',
      defect:
        'link.listen = (to) => listen({ onData: to.onData, onClose: (reason) => { to.onClose(reason); to.onClose(reason); } });',
      rule: 'keeps the first reason when closed again',
    },
    {
      why: 'delivers after the close',
      defect:
        "link.listen = (to) => listen({ onData: to.onData, onClose: (reason) => { to.onClose(reason); to.onData('late'); } });",
      rule: 'delivers what was sent before a close, then tells both ends why',
    },
    {
      why: 'has no limit',
      defect: 'link.limitMessage(1_048_576); link.limitMessage = () => {};',
      rule: 'closes with 1009 for too many bytes',
    },
  ]) {
    it(`catches a link that ${why}`, async () => {
      const broken = await brokenRules(defect);
      assert.ok(broken.includes(rule), broken.join('\n'));
      assert.ok(broken.length < 12, 'everything fails, so this shows nothing');
    });
  }
});
