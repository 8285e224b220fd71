import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressLines, exposureWarnings, roleLine, routerLine } from './startup-lines.ts';

describe('start-up lines', () => {
  for (const [role, generated, given, router] of [
    [
      'main',
      'Starting as Main Relay with auto-generated node ID x',
      'Starting as Main Relay with node ID x',
      'FederationRouter initialized as Main Relay',
    ],
    [
      'home',
      'Starting as Home Relay with auto-generated node ID x',
      'Starting as Home Relay with node ID x',
      'FederationRouter initialized as Home Relay',
    ],
    [
      'p2p',
      'Starting as P2P Node with auto-generated node ID x',
      'Starting as P2P Node with node ID x',
      'FederationRouter initialized in P2P mode',
    ],
  ] as const) {
    it(`name the role of a ${role} node`, () => {
      assert.equal(roleLine(role, 'x', true), generated);
      assert.equal(roleLine(role, 'x', false), given);
      assert.equal(routerLine(role), router);
    });
  }

  it('list the addresses of each role', () => {
    const url = 'http://127.0.0.1:8080';
    const common = [`JSON-RPC: ${url}/rpc`, `Health: ${url}/health`, `Info: ${url}/info`];
    assert.deepEqual(addressLines('home', url), common);
    assert.deepEqual(addressLines('main', url), [
      ...common,
      `Registry: ${url}/registry`,
      'WebSocket P2P: ws://127.0.0.1:8080/ws/p2p',
      'Federation: ws://127.0.0.1:8080/ws/federation',
      'Peers: ws://127.0.0.1:8080/ws/peers',
    ]);
    assert.deepEqual(addressLines('p2p', url), [
      ...common,
      `Registry: ${url}/registry`,
      'WebSocket P2P: ws://127.0.0.1:8080/ws/p2p',
    ]);
    assert.deepEqual(addressLines('main', url, false), common);
  });

  it('warn who may reach a node that does not listen on loopback', () => {
    const node = {
      role: 'main',
      host: '0.0.0.0',
      port: 8080,
      admission: 'open',
      hasApiToken: false,
    } as const;
    assert.deepEqual(exposureWarnings(node), [
      'warning: anyone who reaches 0.0.0.0:8080 may join as a Home or peer; restrict with -admission invite',
      'warning: anyone who reaches 0.0.0.0:8080 may call services; restrict with RELAY_API_TOKEN',
    ]);
    assert.deepEqual(exposureWarnings({ ...node, host: '127.0.0.1' }), []);
    assert.equal(exposureWarnings({ ...node, role: 'home' }).length, 1);
    assert.equal(exposureWarnings({ ...node, hasApiToken: true }).length, 1);
  });
});
