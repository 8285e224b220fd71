// The client SDK in a real browser: Chromium loads its sources, types stripped, and calls a service through a Main.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { holdPort, startRelay, systemClock } from '@relay/federation';
import { defineService } from '@relay/host';
import { chromium } from 'playwright-core';
import { SILENT_LOG } from '../packages/federation/src/observe/log.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isMissing = !existsSync(CHROMIUM) && process.env['CI'] === undefined;
const folder = mkdtempSync(path.join(tmpdir(), 'relay-browser-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const PAGE = `<!doctype html><title>Relay</title><script type="importmap">
{"imports": {"@relay/protocol": "/packages/protocol/src/index.ts", "@relay/client": "/packages/client/src/index.ts"}}
</script><script type="module">window.relay = await import('@relay/client')</script>`;

/** Serves the page and the sources that it imports. */
async function servePage(): Promise<{ origin: string; close: () => void }> {
  const server = createServer((request, response) => {
    const file = path.join(ROOT, path.normalize(request.url ?? '/'));
    if (request.url === '/') response.setHeader('content-type', 'text/html').end(PAGE);
    else if (
      /^\/packages\/(protocol|client)\/src\/[\w/-]+\.ts$/.test(request.url ?? '') &&
      existsSync(file)
    ) {
      response
        .setHeader('content-type', 'text/javascript')
        .end(stripTypeScriptTypes(readFileSync(file, 'utf8')));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('the client SDK in Chromium', {
  skip: isMissing ? `${CHROMIUM} is not installed (Debian: chromium)` : false,
}, () => {
  it('calls a service, gets typed failures, and is refused where its page is not named', async () => {
    const page = await servePage();
    const adder = defineService('adder', {
      add: { params: { a: 'number', b: 'number' }, run: (_context, a, b) => Number(a) + Number(b) },
    });
    const start = async (nodeId: string, corsOrigins: readonly string[]) =>
      startRelay({
        nodeType: 'main',
        nodeId,
        version: 'test',
        port: await holdPort({ host: '127.0.0.1', port: 0 }),
        folder: path.join(folder, nodeId),
        services: [adder],
        drainMs: 0,
        log: SILENT_LOG,
        events: { emit: () => {} },
        http: { corsOrigins },
      });
    const open = await start('open.main', [page.origin]);
    const shut = await start('shut.main', []);
    adder.connect({ clock: systemClock, nodeId: () => 'open.main', outbound: open.outbound });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    });
    try {
      const tab = await browser.newPage();
      await tab.goto(page.origin);
      await tab.waitForFunction('window.relay !== undefined');
      const seen = await tab.evaluate(
        async ([url, closed]) => {
          // biome-ignore lint/suspicious/noExplicitAny: what the page imported.
          const { connect } = (window as any).relay;
          const client = connect(url);
          const sum = await client.call('adder', 'add', [20, 22]);
          const proxied = await client.service('adder').add(1, 2);
          const big = 'x'.repeat(300_000);
          const failure = await client
            .call('nothing', 'here')
            .catch((error: { code: string; executed: string }) => error);
          const tooMany = await client
            .call('adder', 'add', [1, 2, big])
            .catch((error: { code: string }) => error.code);
          const refused = await connect(closed)
            .call('adder', 'add', [1, 1], { timeoutMs: 1_000 })
            .catch((error: { code: string }) => error.code);
          client.close();
          return { sum, proxied, code: failure.code, executed: failure.executed, tooMany, refused };
        },
        [open.url, shut.url] as const,
      );
      assert.deepEqual(seen, {
        sum: 42,
        proxied: 3,
        code: 'service_not_found',
        executed: 'no',
        tooMany: 'invalid_params',
        refused: 'peer_unreachable',
      });
    } finally {
      await browser.close();
      await Promise.all([open.stop(), shut.stop()]);
      page.close();
    }
  });
});
