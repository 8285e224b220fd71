// A link has one listener for life, but first a handshake listens and then a session. This stands between and keeps what comes in the gap.

import type { CloseReason, Link, LinkListener } from '../link.ts';

export class Handover implements LinkListener {
  readonly #link: Link;
  #listener: LinkListener | undefined;
  #waiting: (string | Uint8Array)[] = [];
  #closed: CloseReason | undefined;

  constructor(link: Link, first: LinkListener) {
    this.#link = link;
    this.#listener = first;
    link.listen(this);
  }

  onData(data: string | Uint8Array): void {
    if (this.#listener === undefined) this.#waiting.push(data);
    else this.#listener.onData(data);
  }

  onClose(reason: CloseReason): void {
    if (this.#listener === undefined) this.#closed = reason;
    else this.#listener.onClose(reason);
  }

  onDrain(): void {
    this.#listener?.onDrain?.();
  }

  /** The first listener is done; the link that is returned can be listened to once more. What waited comes during `listen`. */
  release(): Link {
    this.#listener = undefined;
    const link = this.#link;
    return {
      subprotocol: link.subprotocol,
      listen: (listener) => {
        this.#listener = listener;
        for (const data of this.#waiting.splice(0)) listener.onData(data);
        if (this.#closed !== undefined) listener.onClose(this.#closed);
      },
      send: (data) => link.send(data),
      get bufferedBytes() {
        return link.bufferedBytes;
      },
      limitMessage: (bytes) => link.limitMessage(bytes),
      close: (code, reason) => link.close(code, reason),
      terminate: () => link.terminate(),
    };
  }
}
