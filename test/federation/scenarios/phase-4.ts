// Tasks 4.1 to 4.3, as far as a running federation shows them: recovery, many calls at once, the examples, what machines ask.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller, isAnswerOf } from '../calls.ts';
import { get, type Json, remoteCall, type Scenario, traced, until, untilWhole } from './scenario.ts';

const LEDGER = { node_id: 'erin.home@relay-c.com', server_name: 'ledger' };
const PARTITION_MS = 3_000;
const AT_ONCE = 1_000;
/** The plan's: a thousand calls complete within it. */
const LOAD_LIMIT_MS = 60_000;

export const PHASE_4: readonly Scenario[] = [
  {
    number: '4.1 restart',
    title: 'a Home that is killed comes back with every acknowledged write',
    run: async (on) => {
      const a = on.main('relay-a.com');
      const ids = [11, 12, 13];
      for (const id of ids) {
        const { result } = await remoteCall(a, { ...LEDGER, method: 'add', args: [id] });
        assert.ok(isAnswerOf(result, id, 'erin.home'));
      }
      const erin = on.home('erin.home');
      await erin.kill();
      await erin.start();
      await untilWhole(on);
      const { result } = await remoteCall(a, { ...LEDGER, method: 'entries', args: [0, 100] });
      assert.deepEqual(result.ids, ids);
      return `${ids.length} of ${ids.length} writes`;
    },
  },
  {
    number: '4.1 partition',
    title: 'two Mains are cut off from each other: calls end in time, and work again afterwards',
    run: async (on) => {
      const link = on.links.get('relay-c.com>relay-a.com');
      assert.ok(link !== undefined);
      const call = { ...LEDGER, method: 'read', args: [1], timeout: 1 };
      const a = on.main('relay-a.com');
      link.set({ isStalled: true });
      const cutAt = performance.now();
      const { error } = await remoteCall(a, call);
      const tookMs = performance.now() - cutAt;
      assert.equal(error?.data.code, 'timeout');
      assert.ok(tookMs < 2_000, `${tookMs} ms`);
      const { result: near } = await remoteCall(on.main('relay-b.com'), call);
      assert.ok(isAnswerOf(near, 1, 'erin.home'), 'relay-b.com is not concerned');
      await sleep(Math.max(0, PARTITION_MS - (performance.now() - cutAt)));
      link.heal();
      const healedAt = performance.now();
      await until('the call to work again', async () => 'result' in (await remoteCall(a, call)));
      return `timeout after ${Math.round(tookMs)} ms, works ${Math.round(performance.now() - healedAt)} ms after it`;
    },
  },
  {
    number: '4.1 timeout',
    title: 'a Home that is frozen: the call ends at its timeout, and others go on',
    run: async (on) => {
      const a = on.main('relay-a.com');
      const erin = on.home('erin.home');
      erin.pause();
      const startedAt = performance.now();
      const { error } = await remoteCall(a, { ...LEDGER, method: 'read', args: [1], timeout: 1 });
      const tookMs = performance.now() - startedAt;
      const { value } = await traced(a, { service_name: 'shop_service', method: 'get_products' });
      erin.resume();
      assert.deepEqual(
        [error?.code, error?.data.code, error?.data.executed],
        [-32_006, 'timeout', 'unknown'],
      );
      assert.ok(tookMs < 2_000, `${tookMs} ms`);
      assert.ok(value.length > 0);
      await until('erin.home to answer', async () => {
        return 'result' in (await remoteCall(a, { ...LEDGER, method: 'read', args: [1] }));
      });
      return `timeout after ${Math.round(tookMs)} ms`;
    },
  },
  {
    number: '4.1 load',
    title: `${AT_ONCE} calls at once across the federation`,
    run: async (on) => {
      using caller = new Caller(AT_ONCE);
      const { url } = on.main('relay-a.com');
      const startedAt = performance.now();
      const ended = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, id) => {
          const params = { service_name: 'ledger', method: 'read', args: [id] };
          return caller.call(url, params, LOAD_LIMIT_MS);
        }),
      );
      const tookMs = performance.now() - startedAt;
      const wrong = ended.filter(
        (outcome, id) => outcome.kind !== 'result' || !isAnswerOf(outcome.value, id, 'erin.home'),
      );
      assert.equal(wrong.length, 0, `${wrong.length} of them: ${JSON.stringify(wrong[0])}`);
      assert.ok(tookMs < LOAD_LIMIT_MS);
      return `${Math.round(tookMs)} ms, no errors`;
    },
  },
  {
    number: '4.2 test 2',
    title: 'the shop reads the blog across the federation',
    run: async (on) => {
      const { result } = await remoteCall(on.main('relay-c.com'), {
        service_name: 'shop_service',
        method: 'get_news',
      });
      assert.equal(result.available, true);
      assert.ok(result.titles.length > 0);
      return `${result.titles.length} titles`;
    },
  },
  {
    number: '4.3 health',
    title: 'every node is alive and ready',
    run: async (on) => {
      for (const node of [...on.mains, ...on.homes]) {
        assert.deepEqual(
          [(await get(node, '/live')).status, (await get(node, '/ready')).status],
          ['alive', 'ready'],
          node.id,
        );
      }
      return '9 nodes';
    },
  },
  {
    number: '4.3 test 3',
    title: '/metrics is in the format of Prometheus',
    run: async (on) => {
      for (const main of on.mains) {
        const response = await fetch(`${main.url}/metrics`);
        assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=/);
        const lines = (await response.text()).trimEnd().split('\n');
        const bad = lines.filter(
          (line) =>
            line !== '' && !/^(# (HELP|TYPE) \w+ .+|# EOF|[a-z_][\w:]*(\{.*\})? [-+\w.]+)$/.test(line),
        );
        assert.deepEqual(bad, []);
        assert.ok(lines.some((line) => line.startsWith('# TYPE relay_')));
      }
      return `${(await metricNames(on.main('relay-a.com').url)).size} metrics`;
    },
  },
];

async function metricNames(url: string): Promise<ReadonlySet<Json>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
}
