import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { runInProcess } from '../testing.ts';

const OLD = ['blog.rl', '-server', '-port', '8081', '-node-id', 'node2', '-add-peer', 'http://h1:8080'];

describe('relay migrate', () => {
  it('turns a launch line into that of a Home, with the way back', async () => {
    const { code, out } = await runInProcess(['migrate', '--main', 'ws://relay-a.com:8080', '--', ...OLD]);
    const lines = out.split('\n');
    assert.equal(code, 0);
    assert.equal(lines[0], './relay blog.rl -node-type home -node-id node2 -connect ws://relay-a.com:8080');
    assert.equal(lines[1], './relay home blog.rl -node-id node2 -connect ws://relay-a.com:8080');
    assert.match(out, /note: -add-peer http:\/\/h1:8080 dropped/);
    assert.match(out, /note: -port and -host dropped/);
    assert.ok(out.includes(`way back: ./relay ${OLD.join(' ')}\n`));
  });

  it('turns peers into those of a Main', async () => {
    const { out } = await runInProcess(['migrate', '--', ...OLD]);
    assert.equal(
      out.split('\n')[0],
      './relay blog.rl -server -node-type main -port 8081 -node-id node2 -peers ws://h1:8080',
    );
    assert.match(out, /federation: \{ peers: \["ws:\/\/h1:8080"\] \}/);
  });

  it('says to keep -add-peer on a Main as long as the peer is a P2P node', async () => {
    const { out } = await runInProcess(['migrate', '--', ...OLD]);
    assert.match(out, /note: while a peer is a P2P node, keep -add-peer beside -peers: http:\/\/h1:8080/);
  });

  it('adds the role to the way back of a node that only accepted links, which would be a Main now', async () => {
    const { out } = await runInProcess(['migrate', '--', 'blog.rl', '-server', '-node-id', 'node1']);
    assert.ok(
      out.endsWith(
        'way back: ./relay blog.rl -server -node-id node1\n' +
          'way back with this version: ./relay blog.rl -server -node-id node1 -node-type p2p\n',
      ),
    );
    const dialling = await runInProcess(['migrate', '--', ...OLD]);
    assert.ok(dialling.out.endsWith(`way back: ./relay ${OLD.join(' ')}\n`));
  });

  it('asks for a fixed id', async () => {
    const { out } = await runInProcess(['migrate', '--', '-server', '-add-peer', 'h1:8080']);
    assert.match(out, /note: give the node a fixed -node-id/);
  });

  for (const [why, words] of [
    ['a flag no P2P node understood', ['--', '-server', '-connect', 'ws://h:1']],
    ['-disable-registry', ['--', '-server', '-disable-registry']],
    ['nothing', []],
    ['another role', ['--as', 'p2p', '--', '-server']],
  ] as const) {
    it(`refuses ${why} with exit code 2`, async () => {
      assert.equal((await runInProcess(['migrate', ...words])).code, 2);
    });
  }

  it('asks a running node, and only notes peers whose address means nothing elsewhere', async () => {
    const server = http.createServer(({ url }, response) => {
      const peers = { n1: { address: '10.0.0.7:8081' }, n3: { address: '127.0.0.1:8083' } };
      response.end(
        JSON.stringify(url === '/registry/peers' ? peers : { node_id: 'n2', node_address: '0.0.0.0:8082' }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, out } = await runInProcess(['migrate', '--from', `http://127.0.0.1:${port}`]);
    server.close();
    assert.equal(code, 0);
    assert.equal(
      out.split('\n')[0],
      './relay -server -node-type main -port 8082 -node-id n2 -peers ws://10.0.0.7:8081',
    );
    assert.match(out, /note: peer n3 calls itself 127\.0\.0\.1:8083/);
  });

  it('ends with 4 when the node cannot be reached', async () => {
    assert.equal((await runInProcess(['migrate', '--from', 'http://127.0.0.1:1'])).code, 4);
  });
});
