import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { runInProcess } from '../testing.ts';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A Main that answers as told and remembers what it was asked. */
async function startMain(answer: (request: IncomingMessage, body: string) => Answer) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${text} ${request.headers.authorization ?? ''}`.trim());
      const { status, body } = answer(request, text);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked, [Symbol.dispose]: () => server.close() };
}

const OPEN = {
  service_name: 'shop',
  address: 'bob.home@relay-a.com',
  circuits: [{ method: 'buy', state: 'open', retry_after_ms: 12_300 }],
  ejected_for_ms: 0,
};

describe('relay circuits', () => {
  it('lists what is not closed, from every page', async () => {
    using main = await startMain(({ url }) => ({
      status: 200,
      body: url?.includes('after=')
        ? { local: [], federated: [OPEN] }
        : { local: [{ service_name: 'blog', address: 'alice.home@relay-a.com' }], federated: [], next: 'n' },
    }));
    const { code, out } = await runInProcess(['circuits', '--main', main.url, '--service', 'shop']);
    assert.equal(code, 0);
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ {2,}/)),
      [
        ['SERVICE', 'NODE', 'METHOD', 'CIRCUIT', 'NEXT TRIAL'],
        ['shop', 'bob.home@relay-a.com', 'buy', 'open', '13 s'],
        ['shop', 'bob.home@relay-a.com', '*', 'ejected', 'now'],
      ],
    );
    assert.deepEqual(main.asked, [
      'GET /federation/registry?service=shop',
      'GET /federation/registry?service=shop&after=n',
    ]);
  });

  it('says so when every circuit is closed', async () => {
    using main = await startMain(() => ({ status: 200, body: { local: [], federated: [] } }));
    assert.equal((await runInProcess(['circuits', '--main', main.url])).out, 'every circuit is closed\n');
    assert.equal((await runInProcess(['circuits', '--main', main.url, '--json'])).out, '[]\n');
  });

  it('resets what is named, with the credential for that', async () => {
    using main = await startMain(() => ({ status: 200, body: { status: 'success', reset: 2 } }));
    const env = { RELAY_ADMIN_TOKEN: 'admin', RELAY_API_TOKEN: 'api' };
    const line = ['circuits', 'reset', '--service', 'shop', '--address', 'bob.home', '--main', main.url];
    const { code, out } = await runInProcess(line, env);
    assert.deepEqual([code, out], [0, '2 circuits closed\n']);
    assert.deepEqual(main.asked, [
      'POST /federation/circuits/reset {"service":"shop","address":"bob.home"} Bearer admin',
    ]);
  });

  it('tells why the node refuses', async () => {
    const message = '/federation/registry is served by Main Relays';
    using home = await startMain(() => ({ status: 404, body: { error: { code: 'not_found', message } } }));
    const { code, err } = await runInProcess(['circuits', '--main', home.url]);
    assert.deepEqual([code, err], [1, `Error: ${home.url}: ${message}\n`]);
  });

  it('refuses other words', async () => {
    const { code, err } = await runInProcess(['circuits', 'close']);
    assert.equal(code, 2);
    assert.match(err, /unexpected argument: close/);
  });
});
