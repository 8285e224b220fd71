// Pages inside the worker. A page of a receive function is a message in the mailbox of its server, and rendering is one more, of its
// own; a page of a plain function is one message without a server.

import {
  type CompiledPage,
  FunctionValue,
  normalizeFailure,
  type PagesModule,
  type Runtime,
  RuntimeFailure,
  renderPage,
  type Value,
} from '@relay/language';
import type { ProgramLimits } from './limits.ts';
import { MessageContext } from './message-context.ts';
import type { CancelSend, ProgramServers } from './program-servers.ts';
import { type Reply, refuse } from './reply.ts';

export interface PageRequest {
  /** As its template declares it. */
  readonly path: string;
  /** One for each parameter. */
  readonly args: readonly Value[];
  readonly deadline: number;
  readonly traceparent: string;
}

export type PageReply =
  | { readonly kind: 'page'; readonly text: string }
  /** A function with parameters gave nil: there is no such thing. */
  | { readonly kind: 'nothing' }
  | Exclude<Reply, { readonly kind: 'value' }>;

export interface PagePorts {
  readonly now: () => number;
  readonly schedule: (run: () => void) => void;
  readonly breathe: () => void;
  readonly limits: () => ProgramLimits;
  readonly servers: ProgramServers;
  readonly runtime: () => Runtime;
}

export class PageRenderer {
  readonly #ports: PagePorts;
  #pages: ReadonlyMap<string, CompiledPage> = new Map();

  constructor(ports: PagePorts) {
    this.#ports = ports;
  }

  /** Of a program that has run. */
  use(module: PagesModule): void {
    this.#pages = new Map(module(this.#ports.runtime()).map((page) => [page.path, page]));
  }

  /** `settle` gets the one reply, not after a cancel. */
  render(request: PageRequest, settle: (reply: PageReply) => void): CancelSend {
    const page = this.#pages.get(request.path);
    if (page === undefined) {
      settle(refuse('unknown_method', `there is no page ${request.path}`));
      return () => {};
    }
    const job = new PageJob(this.#ports, page, request, settle);
    return page.server === undefined ? job.runPlain() : job.runReceive(page.server);
  }
}

class PageJob {
  readonly #ports: PagePorts;
  readonly #page: CompiledPage;
  readonly #request: PageRequest;
  readonly #settle: (reply: PageReply) => void;
  #context: MessageContext | undefined;
  #isCancelled = false;

  constructor(
    ports: PagePorts,
    page: CompiledPage,
    request: PageRequest,
    settle: (reply: PageReply) => void,
  ) {
    this.#ports = ports;
    this.#page = page;
    this.#request = request;
    this.#settle = (reply) => {
      if (!this.#isCancelled) settle(reply);
    };
  }

  runReceive(server: string): CancelSend {
    const { args, deadline, traceparent } = this.#request;
    const { method } = this.#page;
    const cancelCall = this.#ports.servers.receive(
      { server, method, args: { kind: 'positional', values: args }, callPath: [], deadline, traceparent },
      (reply) => {
        if (reply.kind !== 'value') this.#settle(reply);
        // Not on the stack of the server, which has its next message to begin.
        else this.#ports.schedule(() => void this.#show(this.#message(), reply.value));
      },
    );
    return (mode) => {
      this.#cancel();
      cancelCall(mode);
    };
  }

  runPlain(): CancelSend {
    this.#ports.schedule(() => void this.#callPlain());
    return () => this.#cancel();
  }

  #cancel(): void {
    this.#isCancelled = true;
    this.#context?.kill();
  }

  #message(): MessageContext {
    const { now, breathe, limits } = this.#ports;
    const { deadline, traceparent } = this.#request;
    const parts = { server: undefined, state: undefined, callPath: [], deadline, traceparent, now, breathe };
    const context = new MessageContext({ budgets: limits(), ...parts });
    this.#context = context;
    return context;
  }

  async #callPlain(): Promise<void> {
    if (this.#isCancelled) return;
    const { args } = this.#request;
    const { function: callee, method } = this.#page;
    const context = this.#message();
    let value: Value;
    try {
      if (!(callee instanceof FunctionValue)) throw new RuntimeFailure(`'${method}' is not a function`);
      if (!callee.isBuiltin && callee.arity !== args.length) {
        const expected = `function '${method}' expects ${callee.arity} arguments, got ${args.length}`;
        throw new RuntimeFailure(expected);
      }
      value = await callee.run(context.message, ...args);
    } catch (thrown) {
      this.#settle({ kind: 'failed', thrown: normalizeFailure(thrown) });
      return;
    }
    await this.#show(context, value);
  }

  async #show(context: MessageContext, value: Value): Promise<void> {
    if (this.#isCancelled) return;
    if (value === null && this.#request.args.length > 0) {
      this.#settle({ kind: 'nothing' });
      return;
    }
    try {
      this.#settle({ kind: 'page', text: await renderPage(this.#page, context.message, value) });
    } catch (thrown) {
      this.#settle({ kind: 'failed', thrown });
    }
  }
}
