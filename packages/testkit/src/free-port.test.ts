import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { freePort } from './free-port.ts';

it('finds ports that can be taken, another one each time, and passes over one that is taken', async () => {
  const first = await freePort();
  const taken = createServer().listen(first + 1, '127.0.0.1');
  await once(taken, 'listening');
  try {
    const second = await freePort();
    assert.ok(second > first + 1, `${first}, ${second}`);
    const server = createServer().listen(second, '127.0.0.1');
    await once(server, 'listening');
    server.close();
  } finally {
    taken.close();
  }
});
