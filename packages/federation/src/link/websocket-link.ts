// A link over a WebSocket of `ws`. What is sent in one turn of the event loop leaves in few writes: the socket stays corked until the
// turn ends or enough waits, which is worth a factor of three in round trips per second.

import type { Duplex } from 'node:stream';
import {
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  LINK_LIMITS,
  type Link,
  type LinkListener,
  OUTBOX_LIMITS,
} from '@relay/protocol';
import type { WebSocket } from 'ws';

const CLOSE_TIMEOUT_MS = 5_000;
/** Bytes of a WebSocket close reason. */
const REASON_BYTES = 123;

/** Options of `ws` that its types do not know yet; the same at both ends (security.md §2). */
export const SOCKET_OPTIONS = Object.freeze({
  perMessageDeflate: false as const,
  maxPayload: LINK_LIMITS.messageBytes,
  maxFragments: 64,
  maxBufferedChunks: 1_024,
  maxPendingAutoPongs: 8,
  closeTimeout: CLOSE_TIMEOUT_MS,
});

export class WebSocketLink implements Link {
  readonly subprotocol: string;
  readonly isServer: boolean;
  readonly remoteAddress: string;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #clock: Clock;
  #listener: LinkListener | undefined;
  /** What came before `listen`, and while that is being delivered. */
  #early: (string | Uint8Array)[] | undefined = [];
  #limitBytes: number = LINK_LIMITS.messageBytes;
  #isCorked = false;
  #isClosing = false;
  #reason: CloseReason | undefined;
  #closed: CloseReason | undefined;
  #closeTimer: Disposable | undefined;

  /** `socket` is open, `stream` the socket below it. */
  constructor(
    socket: WebSocket,
    stream: Duplex,
    clock: Clock,
    about: { readonly isServer: boolean; readonly remoteAddress: string },
  ) {
    this.#socket = socket;
    this.#stream = stream;
    this.#clock = clock;
    this.subprotocol = socket.protocol;
    this.isServer = about.isServer;
    this.remoteAddress = about.remoteAddress;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary));
    socket.on('error', (error: Error & { code?: string }) => this.#onError(error));
    stream.on('drain', () => this.#listener?.onDrain?.());
    socket.on('close', (code: number, reason: Buffer) => this.#onClose(code, reason));
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
    if (this.#early?.length === 0) this.#early = undefined;
    if (this.#early !== undefined || this.#closed !== undefined) {
      this.#clock.defer(() => this.#deliverEarly(listener));
    }
  }

  send(data: string | Uint8Array): void {
    if (this.#isClosing || this.#closed !== undefined) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      this.#clock.defer(this.#uncork);
    }
    this.#socket.send(data);
    // A turn that sends more does not wait for its end: the socket takes it while we go on.
    if (this.#stream.writableLength >= OUTBOX_LIMITS.writeBytes) {
      this.#stream.uncork();
      this.#stream.cork();
    }
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  limitMessage(bytes: number): void {
    this.#limitBytes = Math.min(bytes, LINK_LIMITS.messageBytes);
    // `ws` fixes its limit when the socket is made and would hold 1 MiB of a stranger's message before we see it.
    const receiver = (this.#socket as unknown as { _receiver?: { _maxPayload?: number } })._receiver;
    if (typeof receiver?._maxPayload === 'number') receiver._maxPayload = this.#limitBytes;
  }

  close(code: number, reason: string): void {
    if (this.#isClosing || this.#closed !== undefined) return;
    this.#isClosing = true;
    this.#reason ??= { code, reason };
    this.#closeTimer = this.#clock.after(CLOSE_TIMEOUT_MS, () => this.#socket.terminate());
    this.#socket.close(code, fitReason(reason));
  }

  terminate(): void {
    if (this.#closed !== undefined) return;
    this.#isClosing = true;
    this.#reason ??= { code: CLOSE_CODES.abnormal, reason: 'dropped' };
    this.#socket.terminate();
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#stream.uncork();
  };

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (data.length > this.#limitBytes) {
      this.close(CLOSE_CODES.tooBig, `message over ${this.#limitBytes} bytes`);
      return;
    }
    const message = isBinary ? data : data.toString('utf8');
    if (this.#early !== undefined) this.#early.push(message);
    else this.#listener?.onData(message);
  }

  #deliverEarly(listener: LinkListener): void {
    const early = this.#early ?? [];
    for (let index = 0; index < early.length && !this.#isClosing; index += 1) listener.onData(early[index]!);
    this.#early = undefined;
    if (this.#closed !== undefined) listener.onClose(this.#closed);
  }

  #onError(error: Error & { code?: string }): void {
    // `ws` closes the link itself then; `close` follows.
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      this.#reason ??= { code: CLOSE_CODES.tooBig, reason: `message over ${this.#limitBytes} bytes` };
    } else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
      this.#reason ??= { code: CLOSE_CODES.abnormal, reason: 'connection reset' };
    } else {
      this.#reason ??= { code: CLOSE_CODES.abnormal, reason: error.message };
    }
  }

  #onClose(code: number, reason: Buffer): void {
    this.#closeTimer?.[Symbol.dispose]();
    this.#reason ??= {
      code,
      reason: reason.toString('utf8') || (code === CLOSE_CODES.abnormal ? 'connection lost' : ''),
    };
    this.#closed = this.#reason;
    if (this.#early === undefined) this.#listener?.onClose(this.#closed);
  }
}

/** Cut so that it fits into a close frame, at a character. */
function fitReason(reason: string): string {
  if (Buffer.byteLength(reason) <= REASON_BYTES) return reason;
  const bytes = Buffer.from(reason).subarray(0, REASON_BYTES - 3);
  return `${new TextDecoder().decode(bytes).replace(/\uFFFD+$/, '')}…`;
}
