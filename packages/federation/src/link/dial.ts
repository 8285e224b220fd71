import type { Link } from '@relay/protocol';

export interface DialRules {
  /** The operator did not name this URL: the rules for outbound addresses hold. */
  readonly isRestricted: boolean;
}

/** Opens a link to a full `ws://` or `wss://` URL, without rules by default. Rejects with a `DialError`, whatever went wrong. */
export type Dial = (url: string, rules?: DialRules) => Promise<Link>;

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
