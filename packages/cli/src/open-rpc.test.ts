import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { runInProcess } from './testing.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-openrpc-'));
after(() => rmSync(folder, { recursive: true, force: true }));

it('relay check --openrpc prints the services of a program', async () => {
  const file = path.join(folder, 'shop.rl');
  writeFileSync(
    file,
    `struct Item { name: string }
server shop {
  state { n: number = 0 }
  // Sells.
  receive fn sell(name: string, count: number, tags: [[string]], fast: bool, more: object, item: Item) -> [number] {
    state.set("n", state.n + 1)
    [1]
  }
  receive fn ask(x) { send "bank" rate {} }
}
`,
  );
  const { code, out, err } = await runInProcess(['check', '--openrpc', file], {});
  assert.equal(err, '');
  assert.equal(code, 0);
  const document = JSON.parse(out);
  assert.equal(document.openrpc, '1.3.2');
  assert.equal(document.info.title, 'shop');
  const parameter = (name: string, schema: unknown) => ({ name, required: false, schema });
  assert.deepEqual(document.methods, [
    {
      name: 'shop.sell',
      description: 'Sells.',
      params: [
        parameter('name', { type: 'string' }),
        parameter('count', { type: 'number' }),
        parameter('tags', { type: 'array', items: { type: 'array', items: { type: 'string' } } }),
        parameter('fast', { type: 'boolean' }),
        parameter('more', { type: 'object' }),
        parameter('item', {}),
      ],
      result: { name: 'result', schema: { type: 'array', items: { type: 'number' } } },
      'x-relay': { effect: 'writes', level: 'writes' },
    },
    {
      name: 'shop.ask',
      params: [parameter('x', {})],
      result: { name: 'result', schema: {} },
      'x-relay': { effect: 'calls', level: 'writes' },
    },
  ]);
});

it('relay check --openrpc says what is wrong instead, and takes one file', async () => {
  const file = path.join(folder, 'bad.rl');
  writeFileSync(file, 'nope\n');
  const bad = await runInProcess(['check', '--openrpc', file], {});
  assert.equal(bad.code, 1);
  assert.equal(bad.out, '');
  assert.match(bad.err, /bad\.rl:1:1: error: undefined variable: nope \[RL2001\]/);
  assert.equal((await runInProcess(['check', '--openrpc', file, file], {})).code, 2);
});

it('relay check --json lists warnings, and a missing file beside the others', async () => {
  const file = path.join(folder, 'warned.rl');
  writeFileSync(file, 'import "gone.rl"\nset xs = []\nxs.push(1)\n1\n');
  const gone = path.join(folder, 'nothing.rl');
  const { code, out } = await runInProcess(['check', '--json', gone, file], {});
  assert.equal(code, 1);
  const reports: { readonly [key: string]: unknown }[] = JSON.parse(out);
  assert.deepEqual(
    reports.map((one) => [one['file'], one['line'], one['column'], one['severity'], one['code']]),
    [
      [gone, 1, 1, 'error', ''],
      [file, 1, 1, 'error', 'RL1030'],
      [file, 3, 1, 'warning', 'RL5001'],
    ],
  );
});
