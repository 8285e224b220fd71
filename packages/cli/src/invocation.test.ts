import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Variables } from './environment.ts';
import { type Invocation, readInvocation } from './invocation.ts';
import { type MergedSettings, mergeSettings } from './settings.ts';

const read = (line: string, env: Variables = {}): Invocation =>
  readInvocation(line === '' ? [] : line.split(' '), env);

function merged(line: string, env: Variables = {}): MergedSettings {
  const invocation = read(line, env);
  assert.ok(invocation.kind === 'serve');
  return mergeSettings(invocation.levels, invocation.role);
}

describe('the role of a node', () => {
  for (const [line, role, env] of [
    ['-server', 'main'],
    ['-server -node-type main', 'main'],
    ['-connect h', 'home'],
    ['a.rl -connect h', 'home'],
    ['-peers h', 'main'],
    ['-server -peers h', 'main'],
    ['-peers h -add-peer h', 'main'],
    ['-add-peer h', 'p2p'],
    ['a.rl -server -port 8080 -node-id node1 -add-peer http://127.0.0.1:8081', 'p2p'],
    ['-node-type main -add-peer h', 'main'],
    ['-node-type home -connect h', 'home'],
    ['-node-type p2p -server', 'p2p'],
    ['-server=false -connect h', 'home'],
    ['', 'home', { RELAY_CONNECT: 'h' }],
    ['', 'main', { RELAY_SERVER: 'true' }],
    ['a.rl', 'main', { RELAY_NODE_TYPE: 'main' }],
    ['-server', 'main', { RELAY_CONNECT: 'h' }],
    ['-connect h', 'home', { RELAY_SERVER: '1', RELAY_NODE_TYPE: 'main' }],
    ['-fallback b', 'home', { RELAY_CONNECT: 'h' }],
  ] as const) {
    it(`is ${role} for ${line} ${JSON.stringify(env ?? {})}`, () => {
      const invocation = read(line, env);
      assert.ok(invocation.kind === 'serve');
      assert.equal(invocation.role, role);
    });
  }
});

describe('the mode', () => {
  for (const [line, kind, env] of [
    ['', 'help'],
    ['-help', 'help'],
    ['-server -h', 'help'],
    ['--version', 'version'],
    ['-server -version', 'version'],
    ['a.rl', 'run'],
    ['-run a.rl', 'run'],
    ['a.rl -run a.rl', 'run'],
    ['-build a.rl', 'build'],
    ['-build a.rl', 'build', { RELAY_CONNECT: 'h' }],
    ['-repl', 'repl'],
    ['a.rl -repl', 'repl'],
    ['-port 8080', 'help'],
  ] as const) {
    it(`is ${kind} for ${line} ${JSON.stringify(env ?? {})}`, () => assert.equal(read(line, env).kind, kind));
  }

  it('takes flags before and after the file, with one dash or two, and -- ends them', () => {
    const invocation = read('--connect=h:1 a.rl --port 9000');
    assert.ok(invocation.kind === 'serve');
    assert.equal(invocation.file, 'a.rl');
    const odd = read('-server -- -strange.rl');
    assert.ok(odd.kind === 'serve');
    assert.equal(odd.file, '-strange.rl');
  });

  it('warns about server flags when a file is only run', () => {
    const invocation = read('a.rl -port 80');
    assert.ok(invocation.kind === 'run');
    assert.deepEqual(invocation.warnings, ['warning: -port has no effect without a server mode']);
  });
});

describe('settings', () => {
  it('have the defaults of the role', () => {
    assert.deepEqual(merged('-server').settings, {
      role: 'main',
      host: '127.0.0.1',
      port: 8080,
      fallback: [],
      uplinks: 1,
      peers: [],
      addPeers: [],
      disableRegistry: false,
      admission: 'open',
    });
    assert.equal(merged('-connect h').settings.port, 0);
  });

  it('come from the flag, else the environment', () => {
    const env = { RELAY_PORT: '9000', RELAY_HOST: '0.0.0.0' };
    const { settings } = merged('-server -port 9001', env);
    assert.equal(settings.port, 9001);
    assert.equal(settings.host, '0.0.0.0');
  });

  it('take an empty variable as not set', () => {
    assert.equal(merged('-server', { RELAY_PORT: '' }).settings.port, 8080);
  });

  it('concatenate repeated lists, and drop empty and repeated items', () => {
    const { settings } = merged('-peers a,b -peers=c,,a');
    assert.deepEqual(settings.peers, [
      'ws://a:8080/ws/peers',
      'ws://b:8080/ws/peers',
      'ws://c:8080/ws/peers',
    ]);
    const invocation = read('-peers a,a');
    assert.ok(invocation.kind === 'serve');
    assert.deepEqual(invocation.warnings, ['warning: -peers names ws://a:8080/ws/peers more than once']);
  });

  it('drop what a lower level says and does not fit the role, with a warning', () => {
    const { settings, warnings } = merged('-server', { RELAY_CONNECT: 'h' });
    assert.equal(settings.connect, undefined);
    assert.deepEqual(warnings, ['warning: RELAY_CONNECT ignored: this node is a Main Relay']);
  });

  it('warn about a flag without effect in the role', () => {
    assert.deepEqual(merged('-connect h -admission open').warnings, [
      'warning: -admission has no effect on a Home Relay',
    ]);
  });

  it('let a lower level supply what a flag needs', () => {
    assert.equal(
      merged('-node-type home', { RELAY_CONNECT: 'h' }).settings.connect,
      'ws://h:8080/ws/federation',
    );
    assert.deepEqual(merged('-connect h -uplinks 2', { RELAY_FALLBACK: 'b' }).settings.fallback, [
      'ws://b:8080/ws/federation',
    ]);
  });
});
