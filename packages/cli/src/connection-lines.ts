// What happens on the links of a node, as lines for people. A Main that stays away is told once for each address and reason: the
// retries go on, but a terminal must not fill with them. cli.md §5.

import type { LogLevel, NodeEvent } from '@relay/federation';
import { escapeControls } from './terminal.ts';

/** How bad each is, for who reads logs by level; undefined: no line, the log of the node has one. */
const LEVELS: Readonly<Record<NodeEvent['kind'], LogLevel | undefined>> = {
  connecting: 'info',
  connected: 'info',
  lost: 'warn',
  'dial-failed': 'warn',
  refused: 'error',
  'self-dialled': 'warn',
  'home-connected': 'info',
  'home-disconnected': 'info',
  'peer-connected': 'info',
  'peer-disconnected': 'warn',
  'turned-away': undefined,
  warned: 'warn',
};

export class ConnectionLines {
  readonly #write: (line: string, level: LogLevel) => void;
  /** Setbacks told since the last connection of this kind and address. */
  readonly #told = new Map<string, Set<string>>();
  readonly #hushed = new Set<string>();

  constructor(write: (line: string, level: LogLevel) => void) {
    this.#write = write;
  }

  tell(event: NodeEvent): void {
    const line = this.#lineOf(event);
    const level = LEVELS[event.kind];
    if (line !== undefined && level !== undefined) this.#write(escapeControls(line), level);
  }

  #lineOf(event: NodeEvent): string | undefined {
    switch (event.kind) {
      case 'connecting':
        return this.#isNew(`${event.what} ${event.url}`, 'connecting')
          ? `Connecting to ${event.what} ${event.url}`
          : undefined;
      case 'connected':
        this.#forget(`${event.what} ${event.url}`);
        return `Connected to ${event.what} ${event.id} (${event.url})`;
      case 'lost': {
        const { what, url, id, reason, attempt, retryMs } = event;
        this.#forget(`${what} ${url}`);
        return `Lost connection to ${what} ${id}: ${reason}; ${retry(attempt, retryMs)}`;
      }
      case 'dial-failed': {
        const { what, url, reason, attempt, retryMs } = event;
        const target = `${what} ${url}`;
        if (this.#isNew(target, reason)) {
          return `Failed to connect to ${target}: ${reason}; ${retry(attempt, retryMs)}`;
        }
        if (this.#hushed.has(target)) return undefined;
        this.#hushed.add(target);
        return `Still trying to reach ${target}; the same failure is not shown again`;
      }
      case 'refused':
        return `${event.what} ${event.url} refused this node: ${event.reason}`;
      case 'self-dialled':
        return `Peer ${event.url} is this node itself; not dialled again`;
      case 'home-connected':
        return `Home Relay ${event.id} connected (${event.services} services)`;
      case 'home-disconnected':
        return `Home Relay ${event.id} disconnected`;
      case 'peer-connected':
        return `Connected to peer ${event.id} (${event.remoteAddress})`;
      case 'peer-disconnected':
        return `Peer ${event.id} disconnected`;
      case 'turned-away':
        return undefined;
      case 'warned':
        return `warning: ${event.message}`;
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
