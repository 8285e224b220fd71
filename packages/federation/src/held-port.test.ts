import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { it } from 'node:test';
import { holdPort } from './held-port.ts';

const CONNECTIONS = 1_000;
/** Connects to PORT and says when so many have been taken by the kernel, or how many after 3 s. */
const CALLER = `
  const net = require('node:net');
  let taken = 0;
  const say = () => { console.log(taken); process.exit(); };
  for (let index = 0; index < ${CONNECTIONS}; index += 1) {
    net.connect(Number(process.argv[1]), '127.0.0.1', () => { if (++taken === ${CONNECTIONS}) say(); }).on('error', () => {});
  }
  setTimeout(say, 3_000);
`;

function systemLimit(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
}

it('keeps the connections of a burst while a turn is under way, also after the hand-over', {
  skip: systemLimit() < CONNECTIONS && 'this system queues fewer',
}, async () => {
  const held = await holdPort({ host: '127.0.0.1', port: 0 });
  const server = http.createServer();
  await held.handOver(server);
  const caller = spawn(process.execPath, ['-e', CALLER, String(held.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  caller.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(caller, 'spawn');
  // A turn in which nobody takes connections.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
  await once(caller, 'close');
  server.closeAllConnections();
  server.close();
  assert.equal(Number(said), CONNECTIONS);
});
