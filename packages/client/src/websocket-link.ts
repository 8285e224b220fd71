// A link over the WebSocket API that browsers, Node, Deno and Bun share.

import {
  CLOSE_CODES,
  type CloseReason,
  LINK_LIMITS,
  type Link,
  type LinkListener,
  SUBPROTOCOLS,
} from '@relay/protocol';

/** `globalThis.WebSocket`, or a class with its interface, such as that of the package `ws`. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocket;

/** Bytes of a WebSocket close reason. */
const REASON_BYTES = 123;

/** Opens a link; rejects with an Error that says what happened, as far as the API tells. */
export function openWebSocket(Socket: WebSocketConstructor, url: string): Promise<Link> {
  return new Promise((resolve, reject) => {
    const socket = new Socket(url, [...SUBPROTOCOLS]);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => resolve(new WebSocketLink(socket));
    socket.onerror = () => reject(new Error('the connection failed'));
    socket.onclose = ({ code, reason }) =>
      reject(new Error(reason === '' ? `the connection closed with ${code}` : reason));
  });
}

class WebSocketLink implements Link {
  readonly subprotocol: string;
  readonly #socket: WebSocket;
  #listener: LinkListener | undefined;
  #limitBytes: number = LINK_LIMITS.messageBytes;
  #reason: CloseReason | undefined;
  #isClosed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.subprotocol = socket.protocol;
    socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => this.#onMessage(data);
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => this.#onClose(code, reason);
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
  }

  send(data: string | Uint8Array): void {
    if (this.#reason !== undefined || this.#isClosed) return;
    this.#socket.send(data as string | Uint8Array<ArrayBuffer>);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  limitMessage(bytes: number): void {
    this.#limitBytes = bytes;
  }

  close(code: number, reason: string): void {
    if (this.#reason !== undefined || this.#isClosed) return;
    this.#reason = { code, reason };
    // The API lets a page close with 1000 and with codes of applications only.
    this.#socket.close(code >= 3_000 ? code : CLOSE_CODES.done, reason.slice(0, REASON_BYTES / 3));
  }

  terminate(): void {
    this.#reason ??= { code: CLOSE_CODES.abnormal, reason: 'dropped' };
    this.#socket.close();
    // A link that is dead does not answer the close handshake: whoever drops it does not wait.
    this.#onClose(CLOSE_CODES.abnormal, 'dropped');
  }

  #onMessage(data: string | ArrayBuffer): void {
    if (this.#reason !== undefined) return;
    const size = typeof data === 'string' ? data.length : data.byteLength;
    if (size > this.#limitBytes) this.close(CLOSE_CODES.tooBig, `message over ${this.#limitBytes} bytes`);
    else this.#listener?.onData(typeof data === 'string' ? data : new Uint8Array(data));
  }

  #onClose(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.onClose(this.#reason ?? { code, reason });
  }
}
