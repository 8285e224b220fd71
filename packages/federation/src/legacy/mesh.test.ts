// Nodes of the former protocol in virtual time, joined by in-memory links, and clients made by hand that say exactly what a row says.

import { type CloseReason, type Link, type LinkListener, linkedPair } from '@relay/protocol';
import { ManualClock, seededRandom } from '@relay/testkit';
import { SILENT_LOG } from '../observe/log.ts';
import type { ArrivedCall } from './arrived-calls.ts';
import type { ArrivedEnd } from './p2p-answers.ts';
import { P2pNetwork } from './p2p-network.ts';
import type { P2pEnd } from './pending-p2p-calls.ts';

// biome-ignore lint/suspicious/noExplicitAny: messages are compared field by field.
export type Json = any;

/** Nodes by id, and what each of them has seen. */
export class Mesh {
  readonly clock = new ManualClock();
  readonly random = seededRandom(7);
  readonly seen = new Map<string, ArrivedCall[]>();
  /** Node, call and mode of each call that was cancelled. */
  readonly cancelled: string[] = [];
  #nodes = new Map<string, P2pNetwork>();

  node(id: string, handle = this.#answer): P2pNetwork {
    const seen: ArrivedCall[] = [];
    this.seen.set(id, seen);
    const node = new P2pNetwork({
      self: id,
      clock: this.clock,
      random: this.random,
      log: SILENT_LOG,
      services: () => [{ name: 'echo', methods: ['say', 'fail'] }],
      handle: (call, end) => {
        seen.push(call);
        handle(call, end);
        return (mode) => void this.cancelled.push(`${id} ${call.responseId} ${mode}`);
      },
    });
    this.#nodes.set(id, node);
    return node;
  }

  /** As the service of a node answers: echoes, and fails as nodes fail. */
  readonly #answer = (call: ArrivedCall, end: (end: ArrivedEnd) => void): void => {
    const { server, method, args } = call;
    const fail = (name: string, text: string): void => end({ kind: 'failure', name, text });
    if (server !== 'echo') fail('service_not_found', `server ${server} not found`);
    else if (method === 'say') end({ kind: 'result', value: args[0] ?? null });
    else if (method === 'fail') fail('internal_error', 'a.rl:1:1: boom');
    else if (method === 'bind') fail('invalid_params', "method 'bind' expects 1 arguments, got 2");
    else fail('method_not_found', `server '${server}' has no method '${method}'`);
  };

  async join(a: string, b: string): Promise<void> {
    const [left, right] = linkedPair(this.clock, '');
    this.#nodes.get(a)?.adopt(left, b, `${b}:1`);
    this.#nodes.get(b)?.adopt(right, a, `${a}:1`);
    await this.clock.advance(300);
  }

  client(id: string, node: P2pNetwork): RawClient {
    const [ours, theirs] = linkedPair(this.clock, '');
    const valve = new Valve(theirs);
    const client = new RawClient(id, ours, this.clock, valve);
    node.adopt(valve, id, `${id}:1`);
    return client;
  }
}

/** The node's end of a link whose other side can stop to read: then nothing leaves the node's buffer. */
export class Valve implements Link {
  isShut = false;
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  get subprotocol(): string {
    return this.#link.subprotocol;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes + (this.isShut ? 1_048_576 : 0);
  }

  listen(listener: LinkListener): void {
    this.#link.listen(listener);
  }

  send(data: string | Uint8Array): void {
    this.#link.send(data);
  }

  limitMessage(bytes: number): void {
    this.#link.limitMessage(bytes);
  }

  close(code: number, reason: string): void {
    this.#link.close(code, reason);
  }

  terminate(): void {
    this.#link.terminate();
  }
}

/** Says exactly what it is told to say. */
export class RawClient {
  readonly id: string;
  readonly link: Link;
  readonly valve: { isShut: boolean };
  readonly all: Json[] = [];
  #closed: CloseReason | undefined;
  onMessage: (message: Json) => void = () => {};
  readonly #clock: ManualClock;

  constructor(id: string, link: Link, clock: ManualClock, valve: { isShut: boolean } = { isShut: false }) {
    this.id = id;
    this.link = link;
    this.valve = valve;
    this.#clock = clock;
    link.listen({
      onData: (data) => {
        const message = JSON.parse(String(data)) as Json;
        this.all.push(message);
        this.onMessage(message);
      },
      onClose: (reason) => {
        this.#closed = reason;
      },
    });
  }

  /** The code its link was closed with. */
  closeCode(): number | undefined {
    return this.#closed?.code;
  }

  closeText(): string | undefined {
    return this.#closed?.reason;
  }

  /** Beside hellos and pings of the node's own. */
  get got(): Json[] {
    return this.all.filter(({ type }) => type !== 'registry_sync' && type !== 'ping');
  }

  async say(message: object | string): Promise<void> {
    this.link.send(typeof message === 'string' ? message : JSON.stringify(message));
    await this.#clock.settle();
  }

  hello(more: object = {}): Promise<void> {
    const data = { node_id: this.id, servers: [], peers: [], routes: {}, ...more };
    return this.say({ type: 'registry_sync', from: this.id, to: '', data, route: [this.id], ttl: 9 });
  }

  call(to: string, server: string, method: string, args: unknown[], id: string): Promise<void> {
    const data = { call: { args, method, server_name: server, timeout: 30 }, response_id: id };
    return this.say({ type: 'server_call', id, from: this.id, to, data, route: [this.id], ttl: 9 });
  }
}

export function createMesh() {
  const mesh = new Mesh();
  const node = mesh.node('n');
  return { mesh, node, clock: mesh.clock, client: mesh.client('c1', node) };
}

/** A call of a node, with its end once there is one. */
export function remote(node: P2pNetwork, target: string, method = 'say', timeoutMs = 30_000) {
  const ends: P2pEnd[] = [];
  node.call({ target, server: 'echo', method, args: ['x'], timeoutMs }, (end) => ends.push(end));
  return ends;
}

export function resultOf([end]: readonly P2pEnd[]): unknown {
  return end?.kind === 'result' ? end.value : end;
}

export function textOf([end]: readonly P2pEnd[]): unknown {
  return end?.kind === 'failure' ? `${end.stage}: ${end.failure.message}` : end;
}
