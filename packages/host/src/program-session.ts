// The worker's end of the wire: turns what arrives from the network thread into messages for servers, and what leaves them into
// JSON. Bodies are read and written here, off the network thread.

import {
  ArrayValue,
  BudgetExceeded,
  forgiveDebt,
  fromJsonText,
  measure,
  ObjectValue,
  RuntimeFailure,
  type SendArguments,
  toJsonText,
  type Value,
} from '@relay/language';
import type { Answer } from './answer.ts';
import type { Begin, KeyedMessages, MessageKey } from './idempotency/keyed-messages.ts';
import { importPages } from './page-module.ts';
import type { ProgramHost } from './program-host.ts';
import type { CancelSend, OutgoingMessage } from './program-servers.ts';
import { fromFailure, type Reply, refuse, toProgramFailure } from './reply.ts';
import {
  type FromWorker,
  type JsonForm,
  joinPath,
  packText,
  splitPath,
  type ToWorker,
  textOfBody,
  type WireBody,
} from './worker-wire.ts';

type Incoming = Extract<ToWorker, readonly ['call', ...unknown[]]>;
type IncomingPage = Extract<ToWorker, readonly ['page', ...unknown[]]>;

export class ProgramSession {
  readonly #post: (message: FromWorker) => void;
  readonly #now: () => number;
  readonly #memoryBytes: number;
  #host: ProgramHost | undefined;
  #keyed: KeyedMessages | undefined;
  /** Calls from outside that have no reply yet. */
  readonly #calls = new Map<number, CancelSend>();
  /** Sends to the outside that have no reply yet. */
  readonly #sends = new Map<number, (reply: Reply) => void>();
  #lastId = 0;
  #pagesLoaded: Promise<void> | undefined;

  constructor(post: (message: FromWorker) => void, now: () => number, memoryBytes: number) {
    this.#post = post;
    this.#now = now;
    this.#memoryBytes = memoryBytes;
  }

  /** The host needs `sendOutside` and is needed for everything else. */
  attach(host: ProgramHost, keyed: KeyedMessages): void {
    this.#host = host;
    this.#keyed = keyed;
  }

  handle(message: Exclude<ToWorker, readonly ['close']>): void {
    switch (message[0]) {
      case 'call':
        this.#call(message);
        break;
      case 'cancel':
        this.#calls.get(message[1])?.(message[2]);
        this.#calls.delete(message[1]);
        break;
      case 'result':
        this.#settleSend(message[1], this.#readResult(message[2]));
        break;
      case 'failure': {
        const failure = fromFailure(message[2], (json) => this.#read(JSON.stringify(json), 'tagged'));
        this.#settleSend(message[1], { kind: 'refused', failure });
        break;
      }
      case 'page':
        void this.#page(message);
        break;
      case 'pages':
        this.#pagesLoaded = this.#loadPages(message[1]);
        break;
      case 'ping':
        this.#post(['pong', message[1]]);
        break;
      default:
        unreachable(message);
    }
  }

  /** Ends a call whose handler may be computing right now. Unknown ids are of calls that are over or have not come in yet. */
  kill(id: number): void {
    this.#calls.get(id)?.('kill');
  }

  sendOutside(message: OutgoingMessage, settle: (reply: Reply) => void): CancelSend {
    const { target, method, callPath, timeoutMs, traceparent } = message;
    const args = this.#writeArguments(message.args);
    if (args.kind === 'refused') {
      settle(args);
      return () => {};
    }
    const id = ++this.#lastId;
    this.#sends.set(id, settle);
    this.#post(['send', id, target, method, args.text, timeoutMs, joinPath(callPath), traceparent]);
    return (mode) => {
      if (this.#sends.delete(id)) this.#post(['cancel-send', id, mode]);
    };
  }

  get #program(): ProgramHost {
    if (this.#host === undefined) throw new Error('the program is not there yet');
    return this.#host;
  }

  #call([, id, server, method, params, form, timeoutMs, path, traceparent, scope]: Incoming): void {
    const args = this.#readArguments(params, form);
    if (args.kind === 'refused') {
      this.#answer(id, form, args);
      return;
    }
    let key: MessageKey | undefined;
    if (scope !== undefined) {
      const begun = this.#begin(scope, server, args, form);
      if (begun?.kind === 'answered') {
        this.#tell(id, begun.answer);
        return;
      }
      key = begun?.key;
    }
    let isOver = false;
    const message = {
      server,
      method,
      args,
      callPath: splitPath(path),
      deadline: this.#now() + timeoutMs,
      traceparent,
      key,
    };
    const cancel = this.#program.servers.receive(message, (reply) => {
      isOver = true;
      this.#calls.delete(id);
      key?.over();
      this.#answer(id, form, reply);
    });
    if (!isOver) this.#calls.set(id, cancel);
  }

  async #loadPages(code: string): Promise<void> {
    await this.#pagesLoaded;
    this.#program.pages.use(await importPages(code));
  }

  async #page([, id, path, args, timeoutMs, traceparent]: IncomingPage): Promise<void> {
    const deadline = this.#now() + timeoutMs;
    let isCancelled = false;
    this.#calls.set(id, () => {
      isCancelled = true;
    });
    // What asks after its templates have changed sees them changed.
    await this.#pagesLoaded;
    if (isCancelled) return;
    const values = this.#read(args, 'tagged') as ArrayValue;
    let isOver = false;
    const request = { path, args: values.toArray(), deadline, traceparent };
    const cancel = this.#program.pages.render(request, (reply) => {
      isOver = true;
      this.#calls.delete(id);
      if (reply.kind === 'page') this.#post(['page', id, packText(reply.text)]);
      else if (reply.kind === 'nothing') this.#post(['page', id, null]);
      else this.#answer(id, 'plain', reply);
    });
    if (!isOver) this.#calls.set(id, cancel);
  }

  /** Spaces and spellings of the arguments do not matter, their order does. */
  #begin(scope: string, server: string, args: SendArguments, form: JsonForm): Begin | undefined {
    const value = args.kind === 'named' ? args.value : new ArrayValue([...args.values]);
    const text = toJsonText(value, { tagged: true });
    return this.#keyed?.begin(scope, server, text, (reply) => this.#answerOf(form, reply));
  }

  #answer(id: number, form: JsonForm, reply: Reply): void {
    this.#tell(id, this.#answerOf(form, reply));
  }

  #tell(id: number, answer: Answer): void {
    if (answer.kind === 'result') {
      this.#post(['result', id, packText(answer.text)]);
      return;
    }
    const { name, message, executed, value, limit } = answer.failure;
    this.#post(['failure', id, name, message, executed, value, limit?.name, limit?.max ?? 0]);
  }

  #answerOf(form: JsonForm, reply: Reply): Answer {
    if (reply.kind === 'value') {
      return { kind: 'result', text: toJsonText(reply.value, { tagged: form === 'tagged' }) };
    }
    const { limits } = this.#program;
    const failure = toProgramFailure(reply, (budget) => {
      return budget === 'memory' ? this.#memoryBytes : limits[BUDGET_KEYS[budget]];
    });
    const { name, executed, limit, value } = failure;
    // Inside a program the same text begins in lower case.
    const message = name === 'method_not_found' ? failure.message.replace(/^s/, 'S') : failure.message;
    return {
      kind: 'failure',
      failure: {
        name,
        message,
        executed,
        ...(value === undefined ? {} : { value: toJsonText(value, { tagged: form === 'tagged' }) }),
        ...(limit === undefined ? {} : { limit }),
      },
    };
  }

  #settleSend(id: number, reply: Reply): void {
    const settle = this.#sends.get(id);
    this.#sends.delete(id);
    settle?.(reply);
  }

  #readResult(body: WireBody): Reply {
    const { valueBytes } = this.#program.limits;
    if (body.length > valueBytes) {
      return refuse('unavailable', `the reply is larger than ${valueBytes} bytes`, 'yes');
    }
    try {
      return { kind: 'value', value: this.#read(textOfBody(body), 'tagged') };
    } catch (thrown) {
      if (thrown instanceof BudgetExceeded) return refuse('unavailable', thrown.message, 'yes');
      if (!(thrown instanceof RuntimeFailure)) throw thrown;
      return refuse('unavailable', `the reply is not JSON: ${thrown.message}`, 'yes');
    }
  }

  #readArguments(params: WireBody, form: JsonForm): SendArguments | Extract<Reply, { kind: 'refused' }> {
    const { valueBytes } = this.#program.limits;
    if (params.length > valueBytes) {
      return refuse('bad_arguments', `params are larger than ${valueBytes} bytes, the limit of one value`);
    }
    const text = textOfBody(params);
    if (text === '') return NO_ARGUMENTS;
    try {
      const value = this.#read(text, form);
      if (value === null) return NO_ARGUMENTS;
      if (value instanceof ArrayValue) return { kind: 'positional', values: value.toArray() };
      return value instanceof ObjectValue
        ? { kind: 'named', value }
        : { kind: 'positional', values: [value] };
    } catch (thrown) {
      if (thrown instanceof BudgetExceeded) return refuse('bad_arguments', thrown.message);
      if (!(thrown instanceof RuntimeFailure)) throw thrown;
      return refuse('bad_arguments', `params are not JSON: ${thrown.message}`);
    }
  }

  #writeArguments(
    args: SendArguments,
  ): { readonly kind: 'text'; readonly text: string } | Extract<Reply, { kind: 'refused' }> {
    const value = args.kind === 'named' ? args.value : new ArrayValue([...args.values]);
    try {
      const { foreign } = measure(value);
      if (foreign !== undefined) return refuse('bad_arguments', `cannot send a ${foreign} in a message`);
      const maxBytes = this.#program.limits.valueBytes;
      return { kind: 'text', text: toJsonText(value, { tagged: true, maxBytes }) };
    } catch (thrown) {
      if (!(thrown instanceof RuntimeFailure || thrown instanceof BudgetExceeded)) throw thrown;
      return refuse('bad_arguments', thrown.message);
    }
  }

  #read(text: string, form: JsonForm): Value {
    const { limits, runtime } = this.#program;
    try {
      const maxElements = limits.arrayLength;
      return fromJsonText(text, { tagged: form === 'tagged', structs: runtime.structs, maxElements });
    } finally {
      forgiveDebt();
    }
  }
}

const NO_ARGUMENTS: SendArguments = { kind: 'positional', values: [] };

const BUDGET_KEYS = {
  steps: 'steps',
  time: 'timeMs',
  depth: 'depth',
  'value size': 'valueBytes',
  'string length': 'stringBytes',
  'array length': 'arrayLength',
  sends: 'sends',
} as const satisfies Record<Exclude<BudgetExceeded['budget'], 'memory'>, string>;

function unreachable(value: never): never {
  throw new Error(`unhandled message ${JSON.stringify(value)}`);
}
