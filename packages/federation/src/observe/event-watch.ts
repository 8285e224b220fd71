// What happens on links: counted, and a line at `debug` with fields, which following one peer brings out (http-api.md §10.7). Who was
// not let in is said at `info`. The lines for people are the command's own.

import type { NodeEvent, NodeEvents } from '../nodes/node-event.ts';
import type { Log, LogFields } from './log.ts';

export class EventWatch implements NodeEvents {
  /** Links to other Mains that broke and are dialled again. */
  reconnects = 0;
  readonly #next: NodeEvents;
  readonly #log: Log;

  constructor(next: NodeEvents, log: Log) {
    this.#next = next;
    this.#log = log;
  }

  emit(event: NodeEvent): void {
    if (event.kind === 'lost') this.reconnects += 1;
    if (event.kind === 'turned-away') {
      const { id: peer, role, remoteAddress: from, code, reason } = event;
      this.#log.info('link refused', { peer, role, from, code, reason });
    } else if (this.#log.isVerbose) this.#log.debug('link', fieldsOf(event));
    this.#next.emit(event);
  }
}

function fieldsOf(event: NodeEvent): LogFields {
  const { kind } = event;
  const peer = 'id' in event ? event.id : undefined;
  const url = 'url' in event ? event.url : undefined;
  const reason = 'reason' in event ? event.reason : kind === 'warned' ? event.message : undefined;
  return { event: kind, peer, url, reason };
}
