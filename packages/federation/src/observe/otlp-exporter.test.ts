import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { ManualClock, seededRandom } from '@relay/testkit';
import type { FinishedSpan } from './call-watch.ts';
import { EXPORT_LIMITS, OtlpExporter } from './otlp-exporter.ts';
import { createOtlpSender } from './otlp-sender.ts';

function span(more: Partial<FinishedSpan['trace']> = {}, isRoot = false): FinishedSpan {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  return {
    trace: {
      traceId,
      method: 'blog.get',
      outcome: 'ok',
      startedAt: 1_700_000_000_000.5,
      totalMs: 2.25,
      path: ['client', 'relay-a.com'],
      spans: [],
      decisions: [],
      ...more,
    },
    way: 'local',
    isRoot,
    traceparent: `00-${traceId}-00f067aa0ba902b7-00`,
  };
}

function exporter(send: (body: string) => Promise<boolean>) {
  const clock = new ManualClock();
  const resource = { attributes: { 'service.name': 'relay' }, version: '1.0.0' };
  return { clock, made: new OtlpExporter({ resource, send, clock, random: seededRandom(1) }) };
}

describe('the exporter of spans', () => {
  it('sends what came in five seconds as one request', async () => {
    const bodies: string[] = [];
    const { clock, made } = exporter(async (body) => bodies.push(body) > 0);
    const linked = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    made.add(span({ linked }, true));
    made.add(span({ outcome: 'timeout', at: 'bob.home', executed: 'unknown' }));
    assert.equal(bodies.length, 0);
    await clock.advance(EXPORT_LIMITS.everyMs);
    assert.equal(bodies.length, 1);
    const [{ scopeSpans }] = JSON.parse(bodies[0] ?? '').resourceSpans;
    const [root, child] = scopeSpans[0].spans;
    assert.equal(root.spanId, '00f067aa0ba902b7');
    assert.equal(root.parentSpanId, undefined);
    assert.equal(root.startTimeUnixNano, '1700000000000500000');
    assert.equal(root.endTimeUnixNano, '1700000000002750000');
    assert.deepEqual([root.links, child.links], [[linked], undefined]);
    assert.equal(root.status.code, 0);
    assert.equal(child.parentSpanId, '00f067aa0ba902b7');
    assert.notEqual(child.spanId, '00f067aa0ba902b7');
    assert.equal(child.status.code, 2);
    assert.ok(
      child.attributes.some(
        (each: { key: string; value: { stringValue: string } }) => each.key === 'error.type',
      ),
    );
    assert.deepEqual(made.counts, { sent: 2, dropped: 0, failed: 0 });
  });

  it('holds a bounded number and drops the rest, whatever the collector does', async () => {
    const held = Promise.withResolvers<boolean>();
    const { made } = exporter(() => held.promise);
    for (let n = 0; n < EXPORT_LIMITS.queue + 10; n += 1) made.add(span());
    assert.equal(made.counts.dropped, 10);
    held.resolve(true);
    await made.flush();
    assert.equal(made.counts.sent, EXPORT_LIMITS.queue);
  });

  it('counts what was not taken, and goes on with the rest later', async () => {
    let isUp = false;
    const { clock, made } = exporter(async () => isUp);
    for (let n = 0; n < EXPORT_LIMITS.batch + 1; n += 1) made.add(span());
    await made.flush();
    assert.deepEqual(made.counts, { sent: 0, dropped: 0, failed: EXPORT_LIMITS.batch });
    isUp = true;
    await clock.advance(EXPORT_LIMITS.everyMs);
    assert.deepEqual(made.counts, { sent: 1, dropped: 0, failed: EXPORT_LIMITS.batch });
  });
});

describe('the sender of spans', () => {
  it('says why a collector did not take them, and never throws', async () => {
    let status = 200;
    const server = http.createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(request.headers.authorization === 'Bearer x' ? status : 401).end('{}');
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
    const reasons: string[] = [];
    const send = createOtlpSender({ url, headers: { authorization: 'Bearer x' } }, (reason) =>
      reasons.push(reason),
    );
    assert.equal(await send('{}'), true);
    status = 503;
    assert.equal(await send('{}'), false);
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    assert.equal(await send('{}'), false);
    assert.deepEqual(reasons, ['HTTP 503', 'cannot be reached']);
  });
});
