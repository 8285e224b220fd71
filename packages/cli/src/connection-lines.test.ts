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

  it('say how bad it is, for who reads logs by level', () => {
    const levels: string[] = [];
    const connection = new ConnectionLines((line, level) =>
      levels.push(`${level} ${line.split(' ', 2).join(' ')}`),
    );
    const lost = { what: 'peer', id: 'b', url, reason: 'closed', attempt: 1, retryMs: 1 } as const;
    const events: readonly NodeEvent[] = [
      { kind: 'connecting', what: 'peer', url },
      { kind: 'connected', what: 'peer', id: 'b', url },
      { kind: 'lost', ...lost },
      { kind: 'dial-failed', ...lost },
      { kind: 'refused', what: 'peer', url, code: 4403, reason: 'not admitted' },
      { kind: 'self-dialled', url },
      { kind: 'home-connected', id: 'h', services: 1 },
      { kind: 'home-disconnected', id: 'h', reason: 'gone' },
      { kind: 'peer-connected', id: 'b', remoteAddress: '10.0.0.1' },
      { kind: 'peer-disconnected', id: 'b', reason: 'gone' },
      { kind: 'warned', message: 'x' },
      // The log of the node has a line for it.
      { kind: 'turned-away', role: 'home', id: 'h', remoteAddress: '10.0.0.1', code: 4403, reason: 'x' },
    ];
    for (const event of events) connection.tell(event);
    assert.deepEqual(levels, [
      'info Connecting to',
      'info Connected to',
      'warn Lost connection',
      'warn Failed to',
      'error peer ws://relay.com:8080/ws/federation',
      'warn Peer ws://relay.com:8080/ws/federation',
      'info Home Relay',
      'info Home Relay',
      'info Connected to',
      'warn Peer b',
      'warn warning: x',
    ]);
  });

  it('make control characters of other nodes visible', () => {
    assert.deepEqual(lines({ kind: 'warned', message: 'a\u001b[2Jb' }), ['warning: a\\u001b[2Jb']);
  });
});
