// A TCP proxy that spoils what passes it, for tests with real sockets: latency, jitter, bandwidth, tiny writes, corruption, silence,
// half-open and reset connections. It looks at nothing it carries.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as startTimer } from 'node:timers';
import type { Random } from '@relay/protocol';

/** `up` is towards the target. */
export type Direction = 'up' | 'down';

export interface FaultSettings {
  /** Added to every piece of data. */
  readonly latencyMs: number;
  /** Up to so much more, at random; order is kept. */
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  /** Bytes written at once. */
  readonly sliceBytes: number;
  /** One byte in about so many is changed; 0: none. */
  readonly corruptOneIn: number;
  /** Nothing passes; connections stay open, and what arrives waits. */
  readonly isStalled: boolean;
  /** Everything is taken and thrown away: the sender thinks that it arrived. */
  readonly isLost: boolean;
}

const NO_FAULTS: FaultSettings = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  sliceBytes: Number.POSITIVE_INFINITY,
  corruptOneIn: 0,
  isStalled: false,
  isLost: false,
};

/** Read from a socket and not written to the other yet, before reading pauses. */
const MAX_WAITING_BYTES = 256 * 1024;

export class FaultProxy implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #random: Random;
  readonly #pipes = new Set<Pipe>();
  readonly #settings: Record<Direction, FaultSettings> = { up: NO_FAULTS, down: NO_FAULTS };

  private constructor(server: Server, port: number, random: Random) {
    this.#server = server;
    this.port = port;
    this.#random = random;
  }

  /** Listens on a free port of 127.0.0.1 and passes on to `targetPort` there. */
  static async listen(targetPort: number, random: Random): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const proxy = new FaultProxy(server, address.port, random);
    server.on('connection', (near) => proxy.#accept(near, targetPort));
    return proxy;
  }

  /** From now on, for connections that stand and for new ones; what is not named has no fault. */
  set(faults: Partial<FaultSettings>, direction: Direction | 'both' = 'both'): void {
    for (const each of ['up', 'down'] as const) {
      if (direction === each || direction === 'both') this.#settings[each] = { ...NO_FAULTS, ...faults };
    }
    for (const pipe of this.#pipes) pipe.changed();
  }

  /** No faults any more. */
  heal(): void {
    this.set({});
  }

  /** Ends every connection with RST, at both ends. */
  reset(): void {
    for (const pipe of this.#pipes) pipe.destroy(true);
  }

  /** Ends every connection towards the target with RST, and leaves the side that dialled in the belief that it stands. */
  halfOpen(): void {
    for (const pipe of this.#pipes) if (pipe.direction === 'up') pipe.loseTarget();
  }

  /** Connections that stand. */
  get connections(): number {
    return [...this.#pipes].filter(({ direction }) => direction === 'up').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pipe of this.#pipes) pipe.destroy(false);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket, targetPort: number): void {
    const far = dial({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const [direction, from, to] of [
      ['up', near, far],
      ['down', far, near],
    ] as const) {
      const pipe = new Pipe(direction, from, to, () => this.#settings[direction], this.#random);
      this.#pipes.add(pipe);
      from.once('close', () => this.#pipes.delete(pipe));
    }
  }
}

interface Piece {
  readonly data: Buffer;
  /** When it may go, on the clock of `performance`. */
  readonly at: number;
}

/** One direction of one connection. */
class Pipe {
  readonly direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #settings: () => FaultSettings;
  readonly #random: Random;
  readonly #waiting: Piece[] = [];
  #waitingBytes = 0;
  #lastAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;
  #hasLostTarget = false;

  constructor(direction: Direction, from: Socket, to: Socket, settings: () => FaultSettings, random: Random) {
    this.direction = direction;
    this.#from = from;
    this.#to = to;
    this.#settings = settings;
    this.#random = random;
    from.on('data', (data: Buffer) => this.#arrived(data));
    from.on('end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    from.on('error', () => {});
    from.on('close', () => {
      clearTimeout(this.#timer);
      if (!this.#hasLostTarget) to.destroy();
    });
  }

  changed(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pump();
  }

  destroy(withReset: boolean): void {
    if (withReset) this.#from.resetAndDestroy();
    else this.#from.destroy();
  }

  /** Only the end that was dialled hears of it. */
  loseTarget(): void {
    this.#hasLostTarget = true;
    this.#to.removeAllListeners('close');
    this.#to.resetAndDestroy();
  }

  #arrived(data: Buffer): void {
    const { latencyMs, jitterMs, sliceBytes, isLost } = this.#settings();
    if (isLost || this.#hasLostTarget) return;
    const now = performance.now();
    // What comes later never leaves earlier.
    const at = Math.max(this.#lastAt, now + latencyMs + this.#random.next() * jitterMs);
    this.#lastAt = at;
    for (let from = 0; from < data.length; from += sliceBytes) {
      this.#waiting.push({ data: data.subarray(from, Math.min(data.length, from + sliceBytes)), at });
    }
    this.#waitingBytes += data.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#from.pause();
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== undefined || this.#hasLostTarget) return;
    const { isStalled, bytesPerSecond, corruptOneIn } = this.#settings();
    if (isStalled) return;
    for (let piece = this.#waiting[0]; piece !== undefined; piece = this.#waiting[0]) {
      const now = performance.now();
      if (piece.at > now) {
        this.#later(piece.at - now);
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= piece.data.length;
      if (!this.#to.destroyed) this.#to.write(this.#corrupted(piece.data, corruptOneIn));
      if (Number.isFinite(bytesPerSecond)) {
        this.#later((piece.data.length / bytesPerSecond) * 1_000);
        break;
      }
    }
    if (this.#waitingBytes <= MAX_WAITING_BYTES) this.#from.resume();
    if (this.#hasEnded && this.#waiting.length === 0) this.#to.end();
  }

  #later(delayMs: number): void {
    this.#timer = startTimer(() => {
      this.#timer = undefined;
      this.#pump();
    }, delayMs);
  }

  #corrupted(data: Buffer, oneIn: number): Buffer {
    if (oneIn === 0) return data;
    const copy = Buffer.from(data);
    for (let place = 0; place < copy.length; place += 1) {
      if (this.#random.next() * oneIn < 1)
        copy[place] = (copy[place] ?? 0) ^ (1 + Math.floor(this.#random.next() * 255));
    }
    return copy;
  }
}
