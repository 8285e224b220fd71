// What `-add-peer` says at the start and does afterwards (cli.md §3, §5): real processes, in P2P mode and on a Main.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type StartedProcess, waitFor } from '@relay/testkit';
import { ask, Machine, type RunningNode, rpc } from './processes.ts';

const PROGRAM = 'server where { receive fn am_i(id: string) -> string { id } }\n';

const machine = new Machine();
after(() => machine[Symbol.asyncDispose]());

function aboutPeers({ stdout }: StartedProcess): string[] {
  return stdout.filter((line) => / peer:? /.test(line) && !line.startsWith('Peers:'));
}

for (const { kind, words } of [
  // The launch line of existing nodes: no word about the kind.
  { kind: 'p2p', words: [] },
  { kind: 'main', words: ['-node-type', 'main'] },
]) {
  describe(`-add-peer (${kind})`, () => {
    let target: RunningNode;
    let address = '';
    const file = machine.write('where.rl', PROGRAM);
    const where = ['-host', '127.0.0.1', '-port', '0'];
    const start = (id: string, ...peers: string[]): Promise<RunningNode> =>
      machine.node([
        file,
        '-server',
        ...words,
        '-node-id',
        id,
        ...where,
        ...peers.flatMap((peer) => ['-add-peer', peer]),
      ]);

    before(async () => {
      target = await machine.node([
        file,
        '-server',
        '-node-type',
        'p2p',
        '-node-id',
        `target-${kind}`,
        ...where,
      ]);
      address = new URL(target.url).host;
    });

    it('names each peer as it was written, once it is linked', async () => {
      for (const [number, peer] of [
        `http://${address}`,
        `ws://${address}`,
        address,
        `target-${kind}@${address}`,
      ].entries()) {
        const { process, url } = await start(`n${number}-${kind}`, peer);
        await process.waitForLine(/^Successfully added peer: /, 20_000);
        assert.deepEqual(aboutPeers(process), [`Successfully added peer: ${peer}`]);
        const role = kind === 'p2p' ? 'in P2P mode' : 'as Main Relay';
        assert.ok(process.stdout.includes(`FederationRouter initialized ${role}`));
        const { peers } = (await ask(`${url}/registry`)).json;
        assert.deepEqual(
          [peers[`target-${kind}`].address, peers[`target-${kind}`].is_healthy],
          [address, true],
        );
        const params = { node_id: `target-${kind}`, server_name: 'where', method: 'am_i', args: ['here'] };
        assert.equal((await rpc({ url }, 'remote_call', params)).json.result, 'here');
        await process.stop();
      }
    });

    it('warns once of a peer that does not answer, and goes on', async () => {
      const { process, url } = await start(`dead-${kind}`, 'http://127.0.0.1:1', `http://${address}`);
      await process.waitForLine(/^Successfully added peer: /, 20_000);
      await process.waitForLine(/^Warning: Failed to add peer /, 20_000);
      // Time for the first retries, which happen after 1 s and 2 s at the latest.
      const started = Date.now();
      await waitFor(() => Date.now() - started > 3_500, { what: 'two retries' });
      assert.deepEqual(aboutPeers(process).sort(), [
        `Successfully added peer: http://${address}`,
        'Warning: Failed to add peer http://127.0.0.1:1: connection refused',
      ]);
      assert.equal((await ask(`${url}/health`)).status, 200);
    });

    it('says why a peer was not added: not a node, the node itself, a credential', async () => {
      const strangers = createServer((request, response) => {
        response.statusCode = request.headers.host?.startsWith('localhost') ? 401 : 404;
        response.end();
      });
      strangers.listen(0, '127.0.0.1');
      await new Promise((resolve) => strangers.once('listening', resolve));
      const { port } = strangers.address() as AddressInfo;
      const peers = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
      const { process } = await start(`odd-${kind}`, ...peers);
      await process.waitForLine(/^Warning: Failed to add peer http:\/\/localhost/, 20_000);
      await process.waitForLine(/^Warning: Failed to add peer http:\/\/127/, 20_000);
      assert.deepEqual(aboutPeers(process).sort(), [
        `Warning: Failed to add peer http://127.0.0.1:${port}: HTTP 404 from /registry/health`,
        `Warning: Failed to add peer http://localhost:${port}: HTTP 401 from /registry/health`,
      ]);
      strangers.close().closeAllConnections();
    });
  });
}

it('a peer that comes late is linked without a word, and called', async () => {
  const file = machine.write('late.rl', PROGRAM);
  // An address of its own, so that the port is free.
  const host = `127.${60 + (process.pid % 100)}.${(process.pid >> 7) % 250}.1`;
  const late = `late@${host}:8124`;
  const where = ['-host', '127.0.0.1', '-port', '0'];
  const early = await machine.node([file, '-server', '-node-id', 'early', ...where, '-add-peer', late]);
  await early.process.waitForLine(/^Warning: Failed to add peer /, 20_000);
  await machine.node([
    file,
    '-server',
    '-node-type',
    'p2p',
    '-node-id',
    'late',
    '-host',
    host,
    '-port',
    '8124',
  ]);
  const params = { node_id: 'late', server_name: 'where', method: 'am_i', args: ['here'] };
  await waitFor(async () => (await rpc(early, 'remote_call', params)).json.result === 'here', {
    what: 'an answer of the peer that came late',
    limitMs: 35_000,
  });
  assert.deepEqual(aboutPeers(early.process), [`Warning: Failed to add peer ${late}: connection refused`]);
});
