// One Relay node as a bench process: node.ts main ID PEER-URL SERVICE | node.ts home ID MAIN-URL SERVICE | node.ts p2p ID PEER SERVICE.
// SERVICE is `typescript`, `rl` or `slow`, which works on one call at a time; what is empty or left out is not there. PEER is written
// ID@HOST:PORT. RELAY_BENCH_PROTECTIONS=off switches circuits, ejection and limits off.
// RELAY_BENCH_PORT and RELAY_BENCH_FOLDER make a node that comes back where it was.
// Started through the same composition roots as the command, with everything on that is on by default.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog, holdPort, startRelay, systemClock } from '@relay/federation';
import { defineService, loadRelayProgram, startProgram } from '@relay/host';
import type { CallHandler, Service } from '@relay/protocol';
import { answerProbes } from './probe.ts';
import { sayReady } from './processes.ts';

const [kind = '', nodeId = '', url = '', service = ''] = process.argv.slice(2);

async function startService(): Promise<{
  readonly services: readonly Service[];
  connect(outbound: CallHandler): void;
}> {
  if (service === 'slow') {
    let last: Promise<unknown> = Promise.resolve();
    const slow = defineService('slow', {
      work: {
        params: {},
        returns: 'bool',
        effect: 'writes',
        run: () => {
          last = last.then(() => new Promise((wake) => setTimeout(wake, 5)));
          return last.then(() => true);
        },
      },
    });
    return {
      services: [slow],
      connect: (outbound) => slow.connect({ clock: systemClock, nodeId: () => nodeId, outbound }),
    };
  }
  if (service === 'typescript') {
    const echo = defineService('echo', {
      echo: { params: { text: 'string' }, returns: 'string', effect: 'pure', run: (_context, text) => text },
    });
    return {
      services: [echo],
      connect: (outbound) => echo.connect({ clock: systemClock, nodeId: () => nodeId, outbound }),
    };
  }
  const loaded = loadRelayProgram(path.join(import.meta.dirname, 'echo.rl'));
  if (!loaded.ok) throw new Error('echo.rl does not load');
  const program = await startProgram(loaded.program, {
    clock: systemClock,
    nodeId: () => nodeId,
    log: () => {},
    print: () => {},
  });
  return { services: program.services, connect: (outbound) => program.setOutbound(outbound) };
}

const program = service === '' ? undefined : await startService();
const port = await holdPort({ host: '127.0.0.1', port: Number(process.env['RELAY_BENCH_PORT'] ?? 0) });
const node = await startRelay({
  nodeType: kind as 'main' | 'home' | 'p2p',
  nodeId,
  version: 'bench',
  port,
  folder: process.env['RELAY_BENCH_FOLDER'] ?? mkdtempSync(path.join(tmpdir(), 'relay-bench-')),
  services: program?.services ?? [],
  log: createLog({
    level: 'warn',
    format: 'text',
    write: (line) => process.stderr.write(line),
    clock: systemClock,
  }),
  events: { emit: () => {} },
  balance: { isProtected: process.env['RELAY_BENCH_PROTECTIONS'] !== 'off' },
  ...(kind === 'home' ? { urls: [`${url}/ws/federation`] } : {}),
  ...(kind === 'main' && url !== '' ? { peers: [`${url}/ws/peers`] } : {}),
  ...(kind === 'p2p' && url !== '' ? { addPeers: [url] } : {}),
});
program?.connect(node.outbound);
node.connect();
sayReady({ url: `ws://127.0.0.1:${port.port}`, http: `127.0.0.1:${port.port}` });
answerProbes();
