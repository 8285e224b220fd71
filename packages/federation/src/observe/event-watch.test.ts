import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NodeEvent } from '../nodes/node-event.ts';
import { EventWatch } from './event-watch.ts';
import { createLog } from './log.ts';

function watched() {
  const lines: string[] = [];
  const seen: NodeEvent[] = [];
  const log = createLog({
    level: 'info',
    format: 'text',
    write: (line) => lines.push(line.slice(25).trim()),
    clock: { wallNow: () => 0 },
  });
  return { lines, seen, log, watch: new EventWatch({ emit: (event) => void seen.push(event) }, log) };
}

it('events of links are passed on, counted, and told while somebody follows the peer', () => {
  const { lines, seen, log, watch } = watched();
  const lost: NodeEvent = {
    kind: 'lost',
    what: 'peer',
    id: 'relay-b.com',
    url: 'ws://b/ws/peers',
    reason: 'closed',
    attempt: 1,
    retryMs: 1_000,
  };
  watch.emit(lost);
  log.follow({ peer: 'relay-b.com' }, 'debug', 1_000);
  watch.emit(lost);
  watch.emit({ kind: 'home-connected', id: 'bob.home', services: 1 });
  assert.equal(watch.reconnects, 2);
  assert.equal(seen.length, 3);
  assert.deepEqual(lines, ['debug link event=lost peer=relay-b.com url=ws://b/ws/peers reason=closed']);
});

it('who was not let in is told without being asked', () => {
  const { lines, watch } = watched();
  const refused = { kind: 'turned-away', remoteAddress: '10.0.0.7', code: 4403 } as const;
  watch.emit({ ...refused, role: 'home', id: 'bob.home', reason: 'not admitted: an invitation is needed' });
  watch.emit({ ...refused, role: undefined, id: undefined, reason: 'no HELLO' });
  assert.deepEqual(lines, [
    'info link refused peer=bob.home role=home from=10.0.0.7 code=4403 reason="not admitted: an invitation is needed"',
    'info link refused from=10.0.0.7 code=4403 reason="no HELLO"',
  ]);
});
