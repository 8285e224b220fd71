// The shell scripts of the examples that start P2P nodes, run as a person runs them.

import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'node:test';
import { startProcess } from '@relay/testkit';

const ROOT = path.resolve(import.meta.dirname, '../..');

it('examples/test_websocket_p2p.sh passes with Mains and in P2P mode', async () => {
  await using script = startProcess('examples/test_websocket_p2p.sh', [], { cwd: ROOT });
  const { code } = await script.exited;
  const failed = script.stdout.filter((line) => !line.startsWith('PASS'));
  assert.deepEqual({ code, failed }, { code: 0, failed: ['106 passed, 0 failed'] });
});

it('examples/test_websocket_p2p.sh refuses options it does not know with exit code 2', async () => {
  await using script = startProcess('examples/test_websocket_p2p.sh', ['-x'], { cwd: ROOT });
  assert.equal((await script.exited).code, 2);
});

it('examples/quick_api_test.sh passes', async () => {
  await using script = startProcess('examples/quick_api_test.sh', [], { cwd: ROOT });
  const { code } = await script.exited;
  assert.deepEqual({ code, last: script.stdout.at(-1) }, { code: 0, last: '6 passed, 0 failed' });
});
