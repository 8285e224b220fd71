import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HTTP_LIMITS } from '@relay/protocol';
import fc from 'fast-check';
import { readRpc } from './rpc-request.ts';
import { type ArgumentSpans, scanRpc } from './rpc-scan.ts';

const LIMITS = { depth: 1_000, values: 1_000_000 };

/** Values with the names we look for in places where they mean something and where they do not. */
const key = fc.constantFrom('params', 'args', 'id', 'method', 'a"b', '\\', '');
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.jsonValue({ maxDepth: 1 }),
    key,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(key, tie('any'), { maxKeys: 4 }),
  ),
})).any;

describe('the scan of a body', () => {
  it('finds the arguments where JSON.parse finds them', () => {
    fc.assert(
      fc.property(fc.oneof(value, fc.array(value)), fc.constantFrom(0, 1, '\t'), (body, space) => {
        const bytes = Buffer.from(JSON.stringify(body, null, space));
        const scan = scanRpc(bytes, LIMITS);
        assert.equal(scan.kind, 'spans');
        const items = Array.isArray(body) ? body : [body];
        for (const [place, item] of items.entries()) {
          const spans: ArgumentSpans | undefined = scan.kind === 'spans' ? scan.items[place] : undefined;
          if (typeof item !== 'object' || item === null || Array.isArray(item)) {
            assert.equal(spans, undefined);
            continue;
          }
          assert.ok(spans !== undefined);
          const read = (start: number, end: number): unknown =>
            start >= 0 && end > start ? JSON.parse(bytes.subarray(start, end).toString()) : undefined;
          const { params } = JSON.parse(JSON.stringify(item));
          // Not a number where an escaped key may hide one of the names.
          if (!Number.isNaN(spans.paramsEnd)) {
            assert.deepEqual(read(spans.paramsStart, spans.paramsEnd), params);
          }
          if (!Number.isNaN(spans.argsEnd) && typeof params === 'object' && !Array.isArray(params)) {
            assert.deepEqual(read(spans.argsStart, spans.argsEnd), params?.args);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('ends for any bytes, and so does the reader', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .string({ unit: fc.constantFrom(...'{}[]",:\\ 1n"params"'), maxLength: 60 })
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        readRpc(body, HTTP_LIMITS);
      }),
      { numRuns: 5_000 },
    );
  });

  for (const [text, limit] of [
    ['['.repeat(33) + ']'.repeat(33), 'depth'],
    ['['.repeat(300_000), 'depth'],
    [`[${'0,'.repeat(10_000)}0]`, 'values'],
    [`{"a":[${'[0],'.repeat(6_000)}0]}`, 'values'],
  ] as const) {
    it(`refuses ${text.slice(0, 12)}… for its ${limit}`, () => {
      assert.deepEqual(scanRpc(Buffer.from(text), HTTP_LIMITS), { kind: 'too-large', limit });
    });
  }

  it('lets through what is just within the limits', () => {
    assert.equal(scanRpc(Buffer.from('['.repeat(32) + ']'.repeat(32)), HTTP_LIMITS).kind, 'spans');
    assert.equal(scanRpc(Buffer.from(`[${'0,'.repeat(9_998)}0]`), HTTP_LIMITS).kind, 'spans');
  });
});
