import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeEvent } from '@relay/federation';
import { ConnectionLines } from './connection-lines.ts';

const url = 'ws://relay.com:8080/ws/federation';
const failed = (attempt: number, reason = 'connection refused'): NodeEvent => ({
  kind: 'dial-failed',
  what: 'Main Relay',
  url,
  reason,
  attempt,
  retryMs: 1234,
});

function lines(...events: readonly NodeEvent[]): string[] {
  const written: string[] = [];
  const connection = new ConnectionLines((line) => written.push(line));
  for (const event of events) connection.tell(event);
  return written;
}

describe('connection lines', () => {
  it('say what happens, in the words of the reference', () => {
    assert.deepEqual(
      lines(
        { kind: 'connecting', what: 'Main Relay', url },
        { kind: 'connected', what: 'Main Relay', id: 'relay.com', url },
        {
          kind: 'lost',
          what: 'Main Relay',
          id: 'relay.com',
          url,
          reason: 'restart',
          attempt: 1,
          retryMs: 1200,
        },
        failed(2),
        { kind: 'connecting', what: 'peer', url: 'ws://b:1/ws/peers' },
        { kind: 'home-connected', id: 'alice.home', services: 2 },
        { kind: 'home-disconnected', id: 'alice.home', reason: 'gone' },
      ),
      [
        `Connecting to Main Relay ${url}`,
        `Connected to Main Relay relay.com (${url})`,
        'Lost connection to Main Relay relay.com: restart; retry 1 in 1.2 s',
        `Failed to connect to Main Relay ${url}: connection refused; retry 2 in 1.2 s`,
        'Connecting to peer ws://b:1/ws/peers',
        'Home Relay alice.home connected (2 services)',
        'Home Relay alice.home disconnected',
      ],
    );
  });

  it('tell a failure that repeats once, until the reason changes or the link was up', () => {
    assert.deepEqual(
      lines(
        failed(1),
        failed(2),
        failed(3),
        failed(4, 'name not found'),
        failed(5),
        { kind: 'connected', what: 'Main Relay', id: 'relay.com', url },
        failed(1),
      ),
      [
        `Failed to connect to Main Relay ${url}: connection refused; retry 1 in 1.2 s`,
        `Still trying to reach Main Relay ${url}; the same failure is not shown again`,
        `Failed to connect to Main Relay ${url}: name not found; retry 4 in 1.2 s`,
        `Connected to Main Relay relay.com (${url})`,
        `Failed to connect to Main Relay ${url}: connection refused; retry 1 in 1.2 s`,
      ],
    );
  });

  it('make control characters of other nodes visible', () => {
    assert.deepEqual(lines({ kind: 'warned', message: 'a\u001b[2Jb' }), ['warning: a\\u001b[2Jb']);
  });
});
