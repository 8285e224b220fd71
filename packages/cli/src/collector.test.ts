import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCollector } from './collector.ts';
import { UsageError } from './usage.ts';

describe('the collector of spans', () => {
  it('is none unless one is named', () => {
    assert.equal(readCollector({}, undefined).collector, undefined);
    for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
      assert.equal(
        readCollector({ ...off, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, undefined).collector,
        undefined,
      );
    }
  });

  for (const [why, env, config, url] of [
    [
      'the base of the variable',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' },
      undefined,
      'http://c:4318/v1/traces',
    ],
    ['the exact variable', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' }, undefined, 'http://c/x'],
    ['the config block', {}, 'https://c', 'https://c/v1/traces'],
    [
      'the variable before the config block',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://v' },
      'http://c',
      'http://v/v1/traces',
    ],
  ] as const) {
    it(`is taken from ${why}`, () => assert.equal(readCollector(env, config).collector?.url, url));
  }

  it('gets headers, a time-out and what describes this node', () => {
    const { collector, warnings } = readCollector(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318',
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, a=b',
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      },
      undefined,
    );
    assert.deepEqual(collector, {
      url: 'http://c:4318/v1/traces',
      headers: { authorization: 'Bearer x', a: 'b' },
      timeoutMs: 500,
      attributes: {
        'deployment.environment': 'test',
        'service.name': 'relay',
      },
    });
    assert.equal(warnings.length, 1);
  });

  for (const env of [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_TIMEOUT: '1s' },
  ]) {
    it(`refuses ${JSON.stringify(env)}`, () =>
      assert.throws(() => readCollector(env, undefined), UsageError));
  }
});
