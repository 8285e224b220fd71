// What happens on the links of a node, as lines for people. A Main that stays away is told once for each address and reason: the
// retries go on, but a terminal must not fill with them. cli.md §5.

import type { NodeEvent } from '@relay/federation';
import { escapeControls } from './terminal.ts';

export class ConnectionLines {
  readonly #write: (line: string) => void;
  /** Setbacks told since the last connection of this kind and address. */
  readonly #told = new Map<string, Set<string>>();
  readonly #hushed = new Set<string>();

  constructor(write: (line: string) => void) {
    this.#write = (line) => write(escapeControls(line));
  }

  tell(event: NodeEvent): void {
    switch (event.kind) {
      case 'connecting':
        if (this.#isNew(`${event.what} ${event.url}`, 'connecting')) {
          this.#write(`Connecting to ${event.what} ${event.url}`);
        }
        return;
      case 'connected':
        this.#forget(`${event.what} ${event.url}`);
        this.#write(`Connected to ${event.what} ${event.id} (${event.url})`);
        return;
      case 'lost': {
        const { what, url, id, reason, attempt, retryMs } = event;
        this.#forget(`${what} ${url}`);
        this.#write(`Lost connection to ${what} ${id}: ${reason}; ${retry(attempt, retryMs)}`);
        return;
      }
      case 'dial-failed': {
        const { what, url, reason, attempt, retryMs } = event;
        const target = `${what} ${url}`;
        if (this.#isNew(target, reason)) {
          this.#write(`Failed to connect to ${target}: ${reason}; ${retry(attempt, retryMs)}`);
        } else if (!this.#hushed.has(target)) {
          this.#hushed.add(target);
          this.#write(`Still trying to reach ${target}; the same failure is not shown again`);
        }
        return;
      }
      case 'refused':
        this.#write(`${event.what} ${event.url} refused this node: ${event.reason}`);
        return;
      case 'self-dialled':
        this.#write(`Peer ${event.url} is this node itself; not dialled again`);
        return;
      case 'home-connected':
        this.#write(`Home Relay ${event.id} connected (${event.services} services)`);
        return;
      case 'home-disconnected':
        this.#write(`Home Relay ${event.id} disconnected`);
        return;
      case 'peer-connected':
        this.#write(`Connected to peer ${event.id} (${event.remoteAddress})`);
        return;
      case 'peer-disconnected':
        this.#write(`Peer ${event.id} disconnected`);
        return;
      case 'warned':
        this.#write(`warning: ${event.message}`);
        return;
    }
  }

  #isNew(target: string, what: string): boolean {
    let told = this.#told.get(target);
    if (told === undefined) {
      told = new Set();
      this.#told.set(target, told);
    }
    if (told.has(what)) return false;
    told.add(what);
    return true;
  }

  #forget(target: string): void {
    this.#told.delete(target);
    this.#hushed.delete(target);
  }
}

function retry(attempt: number, ms: number): string {
  return `retry ${attempt} in ${(ms / 1000).toFixed(1)} s`;
}
