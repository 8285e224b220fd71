// Posts spans to a collector.

import type { SendSpans } from './otlp-exporter.ts';

export interface CollectorOptions {
  /** Complete, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For one request. Default 10 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

/** `failed` is told why the collector did not take a batch. */
export function createOtlpSender(
  { url, headers = {}, timeoutMs = TIMEOUT_MS }: CollectorOptions,
  failed: (reason: string) => void,
): SendSpans {
  return async (body) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      // Read or not, what is left open holds the connection.
      await answer.body?.cancel();
      if (!answer.ok) failed(`HTTP ${answer.status}`);
      return answer.ok;
    } catch (error) {
      failed(
        error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'cannot be reached',
      );
      return false;
    }
  };
}
