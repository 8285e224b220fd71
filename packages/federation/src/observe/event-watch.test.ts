import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { NodeEvent } from '../nodes/node-event.ts';
import { EventWatch } from './event-watch.ts';
import { createLog } from './log.ts';

it('events of links are passed on, counted, and told while somebody follows the peer', () => {
  const lines: string[] = [];
  const seen: NodeEvent[] = [];
  const log = createLog({
    level: 'info',
    format: 'text',
    write: (line) => lines.push(line.slice(25).trim()),
    clock: { wallNow: () => 0 },
  });
  const watch = new EventWatch({ emit: (event) => void seen.push(event) }, log);
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
