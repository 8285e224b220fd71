// Calls as a quiet day brings them, of every kind that leaves something behind if it is done badly: answered and failed ones, over two
// and three links, by HTTP and by clients that connect and leave.

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type WebSocketConstructor } from '@relay/client';
import { WebSocket } from 'ws';
import type { SoakFederation } from './soak-federation.ts';

const PAUSE_MS = 200;
const CALL_MS = 20_000;

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly data?: { readonly code?: string } };
}

/** A call and what it must give: a result, or a failure of these names. */
interface Expected {
  readonly method: string;
  readonly params: unknown;
  readonly isRight: (answer: Answer) => boolean;
}

const KINDS: readonly ((n: number) => Expected)[] = [
  (n) => ({ ...remote('alice.home', 'double', [n]), isRight: ({ result }) => result === n * 2 }),
  (n) => ({ ...remote('bob.home', 'double', [n]), isRight: ({ result }) => result === n * 2 }),
  () => ({ ...remote('bob.home', 'count', []), isRight: ({ result }) => typeof result === 'number' }),
  (n) => ({ method: 'steady.double', params: [n], isRight: ({ result }) => result === n * 2 }),
  () => ({ method: 'nobody.here', params: [], isRight: failsWith('service_not_found') }),
  () => ({ ...remote('alice.home', 'double', [1, 2, 3]), isRight: failsWith('invalid_params') }),
  // A guest is there or is not; the method is right or times out with it.
  (n) => ({
    ...remote(undefined, 'double', [n]),
    isRight: (answer) =>
      answer.result === n * 2 ||
      failsWith(
        ...['service_not_found', 'no_healthy_instance', 'home_disconnected', 'peer_unreachable'],
        ...['circuit_open', 'shutting_down', 'timeout'],
      )(answer),
  }),
];

export class LightLoad {
  calls = 0;
  clients = 0;
  /** Answers that must not be, each with what was asked. */
  readonly wrong: string[] = [];
  readonly #federation: SoakFederation;

  constructor(federation: SoakFederation) {
    this.#federation = federation;
  }

  async run(signal: AbortSignal): Promise<void> {
    // Some at once: while one waits for a node that is looked at, others go on.
    const callers = Array.from({ length: 4 }, (_, caller) => this.#callByHttp(signal, caller));
    await Promise.all([...callers, this.#comeAndGo(signal)]);
  }

  async #callByHttp(signal: AbortSignal, caller: number): Promise<void> {
    for (let n = caller; !signal.aborted; n++) {
      const url = this.#federation.url(n % 2 === 0 ? 'relay-a' : 'relay-b');
      const { method, params, isRight } = (KINDS[Math.floor(n / 2) % KINDS.length] as (typeof KINDS)[number])(
        n,
      );
      const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: n });
      try {
        const response = await fetch(`${url}/rpc`, {
          method: 'POST',
          body,
          signal: AbortSignal.timeout(CALL_MS),
        });
        const answer = (await response.json()) as Answer;
        this.calls += 1;
        if (!isRight(answer)) this.#complain(`${body}: ${JSON.stringify(answer)}`);
      } catch (error) {
        this.#complain(`${body}: ${error}`);
      }
      await sleep(PAUSE_MS);
    }
  }

  async #comeAndGo(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n++) {
      const url = this.#federation.url(n % 2 === 0 ? 'relay-a' : 'relay-b').replace('http', 'ws');
      try {
        using client = connect(url, { webSocket: WebSocket as unknown as WebSocketConstructor });
        const result = await client.call('steady', 'double', [n], { timeoutMs: CALL_MS });
        this.clients += 1;
        if (result !== n * 2) this.#complain(`client: ${n} doubled is ${JSON.stringify(result)}`);
      } catch (error) {
        this.#complain(`client: ${error}`);
      }
      await sleep(500);
    }
  }

  #complain(text: string): void {
    // Enough to see what is wrong, however long it goes on.
    if (this.wrong.length < 100) this.wrong.push(text.slice(0, 500));
  }
}

function remote(home: string | undefined, method: string, args: readonly number[]) {
  const where = home === undefined ? { service_name: 'guest' } : { node_id: home, server_name: 'steady' };
  return { method: 'remote_call', params: { ...where, method, args, timeout: 10 } };
}

function failsWith(...codes: string[]): (answer: Answer) => boolean {
  return ({ error }) => codes.includes(error?.data?.code ?? '');
}
