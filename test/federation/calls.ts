// Calls over HTTP as a client of the federation makes them, and what became of them.

import { Agent, request } from 'node:http';

export type Executed = 'no' | 'yes' | 'unknown';

export type Outcome =
  | { readonly kind: 'result'; readonly value: unknown }
  /** As the node says it. */
  | {
      readonly kind: 'failure';
      readonly code: string;
      readonly executed: Executed;
    }
  /** Nobody listens there: nothing was sent. */
  | { readonly kind: 'refused' }
  /** The connection ended, or nothing came within the limit: nobody knows whether the method ran. */
  | { readonly kind: 'lost'; readonly because: string };

export interface RemoteCall {
  readonly node_id?: string;
  readonly service_name: string;
  readonly method: string;
  readonly args: readonly unknown[];
  /** In seconds. */
  readonly timeout?: number;
  readonly idempotency_key?: string;
}

export class Caller implements Disposable {
  readonly #agent: Agent;

  constructor(connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  call(url: string, params: RemoteCall, limitMs: number): Promise<Outcome> {
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'remote_call', params, id: 1 });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const sent = request(`${url}/rpc`, { method: 'POST', agent: this.#agent });
    const timer = setTimeout(() => sent.destroy(new Error(`no answer in ${limitMs} ms`)), limitMs);
    const finish = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    const failed = (error: NodeJS.ErrnoException): void =>
      finish(error.code === 'ECONNREFUSED' ? { kind: 'refused' } : { kind: 'lost', because: error.message });
    sent.once('error', failed);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.once('error', failed);
      response.once('end', () => finish(outcomeOf(text)));
    });
    sent.end(body);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

interface FailureData {
  readonly code?: string;
  readonly executed?: Executed;
}

function outcomeOf(text: string): Outcome {
  try {
    const { result, error } = JSON.parse(text) as {
      readonly result?: unknown;
      readonly error?: { readonly data?: FailureData };
    };
    if (error === undefined) return { kind: 'result', value: result };
    const { code = 'no code', executed = 'unknown' } = error.data ?? {};
    return { kind: 'failure', code, executed };
  } catch {
    return { kind: 'failure', code: 'no JSON', executed: 'unknown' };
  }
}

/** Whether the ledger answered this call, and if asked for, at this Home. */
export function isAnswerOf(value: unknown, id: number, home: string | undefined): boolean {
  const answer = value as { readonly id?: unknown; readonly home?: unknown } | null;
  return answer?.id === id && (home === undefined ? typeof answer.home === 'string' : answer.home === home);
}
