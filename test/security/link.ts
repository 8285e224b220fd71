// One WebSocket of an attacker.

import { WebSocket } from 'ws';
import type { Address } from './exchange.ts';
import type { Tally } from './verdict.ts';

export const CLOSE_MS = 8_000;
export const LINKS = ['/ws/federation', '/ws/peers', '/ws/p2p?node_id=stranger'] as const;

/** One connection to a node; what it says and how it closes is kept. */
export class Link {
  readonly texts: string[] = [];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  readonly opened: Promise<boolean>;
  #waiting: (() => void) | undefined;

  constructor({ host, port }: Address, path: string) {
    this.socket = new WebSocket(
      `ws://${host}:${port}${path}`,
      path.startsWith('/ws/p2p') ? [] : ['relay.v1.json'],
    );
    this.opened = new Promise((resolve) => {
      this.socket.once('open', () => resolve(true));
      this.socket.once('close', () => resolve(false));
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code) => {
        resolve(code);
        this.#waiting?.();
      });
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.texts.push(String(data));
      this.#waiting?.();
    });
  }

  /** The `count`th text, or undefined if the link closed before. */
  async text(count: number): Promise<string | undefined> {
    const limit = performance.now() + CLOSE_MS;
    while (
      this.texts.length < count &&
      this.socket.readyState <= WebSocket.OPEN &&
      performance.now() < limit
    ) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        setTimeout(resolve, 500).unref();
      });
    }
    return this.texts[count - 1];
  }

  /** How it closed; 0 if it did not. */
  async code(): Promise<number> {
    const late = new Promise<number>((resolve) => setTimeout(() => resolve(0), CLOSE_MS).unref());
    const code = await Promise.race([this.closed, late]);
    this.socket.terminate();
    return code;
  }
}

export async function closesWith(
  tally: Tally,
  what: string,
  link: Link,
  codes: readonly number[],
): Promise<void> {
  const code = await link.code();
  tally.note(String(code));
  tally.expect(
    what,
    codes.includes(code),
    code === 0 ? 'was not closed' : `closed with ${code}, not ${codes.join(' or ')}`,
  );
}
