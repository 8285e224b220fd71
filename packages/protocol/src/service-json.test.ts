import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MalformedMessage } from './index.ts';
import { serviceFromJson, serviceToJson } from './service-json.ts';

const PLAIN = { service_name: 'blog', methods: [], instance: 'AAECAwQFBgcICQoLDA0ODw' };

describe('what a service says of how it is called', () => {
  it('is read and written', () => {
    const service = serviceFromJson({ ...PLAIN, strategy: 'random', timeout_ms: 5_000 }, 'services[0]');
    assert.equal(service.strategy, 'random');
    assert.equal(service.timeoutMs, 5_000);
    assert.deepEqual(serviceFromJson(serviceToJson(service), 'services[0]'), service);
  });

  it('need not be there, and then does not travel', () => {
    const written = serviceToJson(serviceFromJson(PLAIN, 'services[0]'));
    assert.deepEqual(
      Object.keys(written).filter((key) => key === 'strategy' || key === 'timeout_ms'),
      [],
    );
  });

  it('may name a strategy of a later version', () => {
    assert.equal(serviceFromJson({ ...PLAIN, strategy: 'astrology' }, 'services[0]').strategy, 'astrology');
  });

  for (const [field, value] of [
    ['strategy', ''],
    ['strategy', 'x'.repeat(65)],
    ['strategy', 7],
    ['timeout_ms', 0],
    ['timeout_ms', 1.5],
    ['timeout_ms', 3_600_001],
    ['timeout_ms', '5s'],
  ] as const) {
    it(`is malformed with the ${field} ${JSON.stringify(value).slice(0, 20)}, and says where`, () => {
      assert.throws(
        () => serviceFromJson({ ...PLAIN, [field]: value }, 'services[0]'),
        (error: unknown) =>
          error instanceof MalformedMessage && error.message.includes(`services[0].${field}`),
      );
    });
  }
});
