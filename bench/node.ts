// One Relay node as a bench process: node.ts main ID [PEER-URL] | node.ts home ID MAIN-URL SERVICE, where SERVICE is `typescript`, `rl`
// or `slow`, which works on one call at a time. RELAY_BENCH_PROTECTIONS=off switches circuits, ejection and limits off.
// RELAY_BENCH_PORT and RELAY_BENCH_FOLDER make a node that comes back where it was.
// Started through the same composition roots as the command, with everything on that is on by default.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog, holdPort, startRelay, systemClock } from '@relay/federation';
import { defineService, loadRelayProgram, startProgram } from '@relay/host';
import type { CallHandler, Service } from '@relay/protocol';
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

const program = kind === 'home' ? await startService() : undefined;
const port = await holdPort({ host: '127.0.0.1', port: Number(process.env['RELAY_BENCH_PORT'] ?? 0) });
const node = await startRelay({
  nodeType: kind === 'home' ? 'home' : 'main',
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
});
program?.connect(node.outbound);
node.connect();
sayReady({ url: `ws://127.0.0.1:${port.port}`, http: `127.0.0.1:${port.port}` });

// Asked how long turns of the event loop took since it was last asked.
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.on('message', () => {
  process.send?.({
    p50Ms: delay.percentile(50) / 1e6,
    p99Ms: delay.percentile(99) / 1e6,
    maxMs: delay.max / 1e6,
  });
  delay.reset();
});
