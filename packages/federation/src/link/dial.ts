import type { Link } from '@relay/protocol';

/** Opens a link to a full `ws://` or `wss://` URL. Rejects with a `DialError`, whatever went wrong. */
export type Dial = (url: string) => Promise<Link>;

/** The message is short and fit for people: `connection refused`, `no such host relay.com`, `HTTP 503`. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /** From the Retry-After of the answer. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}
