import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadProgram } from '@relay/language';
import { type ConfigBlock, readConfigBlock } from './config-block.ts';
import type { Role } from './flags.ts';
import { readInvocation } from './invocation.ts';
import { type MergedSettings, mergeSettings } from './settings.ts';

function block(text: string, role: Role = 'main'): ConfigBlock {
  return readConfigBlock(
    loadProgram('/x/a.rl', () => text),
    role,
  );
}

function merged(line: string, text: string, env: Record<string, string> = {}): MergedSettings {
  const invocation = readInvocation(line.split(' '), env);
  assert.ok(invocation.kind === 'serve');
  return mergeSettings([...invocation.levels, block(text, invocation.role).level], invocation.role);
}

describe('the config block', () => {
  it('is the level below the environment', () => {
    const text = 'config { port: 9003, host: "0.0.0.0", node_id: "x.y" }';
    const { settings } = merged('-server -port 9001', text, { RELAY_HOST: '127.0.0.2' });
    assert.equal(settings.port, 9001);
    assert.equal(settings.host, '127.0.0.2');
    assert.equal(settings.nodeId, 'x.y');
    assert.equal(merged('-server', text).settings.port, 9003);
  });

  it('may name the Main of a Home, but never decides the role', () => {
    const text = 'config { relay: "h:1", federation: { fallback: ["b:2"] } }';
    const { settings } = merged('-node-type home', text);
    assert.equal(settings.connect, 'ws://h:1/ws/federation');
    assert.deepEqual(settings.fallback, ['ws://b:2/ws/federation']);
    const main = merged('-server', text);
    assert.equal(main.settings.connect, undefined);
    assert.deepEqual(main.warnings, [
      'warning: config relay ignored: this node is a Main Relay',
      'warning: config federation.fallback ignored: this node is a Main Relay',
    ]);
  });

  it('reads known_relays as peers on a Main and as fallback on a Home', () => {
    const text = 'config { federation: { known_relays: ["b:2"] } }';
    assert.deepEqual(merged('-server', text).settings.peers, ['ws://b:2/ws/peers']);
    assert.deepEqual(merged('-connect a', text).settings.fallback, ['ws://b:2/ws/federation']);
  });

  it('merges several blocks, later keys win', () => {
    const text = 'config { port: 1, host: "a" }\nconfig { port: 2 }';
    assert.deepEqual(
      [...block(text).level.values],
      [
        ['port', '2'],
        ['host', 'a'],
      ],
    );
  });

  it('has settings without a flag', () => {
    const { advertise, allowRemoteAdmin, cors, corsOrigins, headers } = block(
      'config { advertise: "10.0.0.5:1", federation: { allow_remote_admin: true }, http: { cors: false, cors_origins: ["https://a"], headers: { "X-A": "b" } } }',
    );
    assert.deepEqual(
      { advertise, allowRemoteAdmin, cors, corsOrigins, headers },
      {
        advertise: '10.0.0.5:1',
        allowRemoteAdmin: true,
        cors: false,
        corsOrigins: ['https://a'],
        headers: { 'X-A': 'b' },
      },
    );
  });

  for (const [text, message] of [
    ['config { port: "80" }', 'a.rl:1:10: config port: expected a number'],
    [
      'config { port: 70000 }',
      'a.rl:1:10: invalid value "70000" for config port: must be a number from 0 to 65535',
    ],
    [
      'config { federation: { peers: "b" } }',
      'a.rl:1:24: config federation.peers: expected an array of strings',
    ],
    ['config { http: { cors: 1 } }', 'a.rl:1:18: config http.cors: expected a bool'],
    [
      'config { federation: { service_ttl: "soon" } }',
      'a.rl:1:24: config federation.service_ttl: expected a duration, like "30s"',
    ],
    [
      'config { federation: { health_check_interval: "10ms" } }',
      'a.rl:1:24: config federation.health_check_interval: must be at least 1s',
    ],
  ] as const) {
    it(`refuses ${text}`, () => assert.throws(() => block(text), { message }));
  }

  it('has the times of a federation, in ms', () => {
    const { federation, warnings } = block(
      'config { federation: { health_check_interval: 5, service_ttl: "2m", cache_duration: "90s" } }',
    );
    assert.deepEqual(federation, { healthCheckMs: 5_000, serviceTtlMs: 120_000, keepAlternativesMs: 90_000 });
    assert.deepEqual(warnings, []);
    assert.deepEqual(block('config { load_balancing: { health_check_interval: "15s" } }').federation, {
      healthCheckMs: 15_000,
    });
    const off = 'config { federation: { auto_discover: false, cache_duration: "2h" } }';
    assert.deepEqual(block(off).federation, { keepAlternativesMs: 0 });
  });

  it('tells limits of HTTP and of arrivals from those of the program and those to come', () => {
    const { httpLimits, arrivals, admissionRate, warnings } = block(
      'config { limits: { body: 1000, steps: 5, homes_per_ip: 2, admission_rate: 9, depths: 3 } }',
    );
    assert.deepEqual(
      { httpLimits, arrivals, admissionRate },
      { httpLimits: { bodyBytes: 1000 }, arrivals: { homesPerIp: 2 }, admissionRate: 9 },
    );
    assert.deepEqual(warnings, [
      'warning: a.rl:1:78: config limits.depths has no effect in this version yet',
    ]);
  });

  it('says where figures are served and where spans go', () => {
    const source = 'config { metrics_listen: "127.0.0.1:9090", otlp_endpoint: "http://c:4318" }';
    const { metricsListen, otlpEndpoint } = block(source);
    assert.deepEqual(metricsListen, { host: '127.0.0.1', port: 9090 });
    assert.equal(otlpEndpoint, 'http://c:4318');
    for (const wrong of ['9090', '"9090"', '"h:99999"', 'true']) {
      assert.throws(() => block(`config { metrics_listen: ${wrong} }`), /metrics_listen: expected/);
    }
  });

  it('warns about what has to be computed', () => {
    assert.deepEqual(block('config { port: 80 + 1 }').warnings, [
      'warning: a.rl:1:10: config port is not a plain value and was ignored',
    ]);
  });

  it('says how calls are spread and when an instance is left alone', () => {
    const { balance, timeoutMs, warnings } = block(
      `config {
        timeout: "20s",
        load_balancing: {
          strategy: "sticky",
          services: { blog: { strategy: "random", timeout: "5s" }, shop: { weight: 2.5 } }
        },
        circuit_breaker: { failures: 3, open_for: 10 }
      }
      config { load_balancing: { services: { blog: { weight: 3 } } } }`,
    );
    assert.deepEqual(balance, {
      strategy: 'sticky',
      services: new Map([
        ['blog', { strategy: 'random', timeoutMs: 5_000, weight: 3 }],
        ['shop', { weight: 2.5 }],
      ]),
      failures: 3,
      openForMs: 10_000,
    });
    assert.equal(timeoutMs, 20_000);
    assert.deepEqual(warnings, []);
  });

  it('takes what a Home says of its services, and says that circuits are for its Main', () => {
    const { balance, warnings } = block(
      'config { load_balancing: { strategy: "random", services: { blog: { weight: 2, timeout: 5 } } }, circuit_breaker: { failures: 3 } }',
      'home',
    );
    assert.deepEqual(balance, {
      strategy: 'random',
      services: new Map([['blog', { weight: 2, timeoutMs: 5_000 }]]),
    });
    assert.deepEqual(warnings, [
      'warning: a.rl:1:116: config circuit_breaker.failures has no effect here: a Main Relay balances',
    ]);
  });

  for (const [text, message] of [
    [
      'config { load_balancing: { strategy: "fastest" } }',
      'a.rl:1:28: config load_balancing.strategy: expected one of "round_robin", "least_connections", "random", "lowest_latency", "sticky", "power_of_two"',
    ],
    [
      'config { load_balancing: { services: { a: { weight: 0 } } } }',
      'a.rl:1:45: config load_balancing.services.a.weight: expected a number above 0 and at most 1000',
    ],
    [
      'config { load_balancing: { services: { a: { timeout: "2h" } } } }',
      'a.rl:1:45: config load_balancing.services.a.timeout: must be more than 0 and at most 1h',
    ],
    [
      'config { circuit_breaker: { failures: 0 } }',
      'a.rl:1:29: config circuit_breaker.failures: expected a whole number above 0',
    ],
    [
      'config { circuit_breaker: { open_for: "soon" } }',
      'a.rl:1:29: config circuit_breaker.open_for: expected a duration, like "30s"',
    ],
  ] as const) {
    it(`refuses ${text}`, () => assert.throws(() => block(text), { message }));
  }
});
