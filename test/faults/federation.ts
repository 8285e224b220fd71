// A federation with a fault proxy on each of its links: client – relay-a – relay-b – bob.home, real sockets, one process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, type RelayClient, type WebSocketConstructor } from '@relay/client';
import {
  createLog,
  holdPort,
  type RelayNode,
  type RelayOptions,
  startRelay,
  systemClock,
} from '@relay/federation';
import { defineService } from '@relay/host';
import { FaultProxy, seededRandom, waitFor } from '@relay/testkit';
import { WebSocket } from 'ws';

export const LINKS = ['client–Main', 'Main–Main', 'Home–Main'] as const;
export type LinkName = (typeof LINKS)[number];

/** What a method does before it answers. */
const WORK_MS = 3;

export class Federation implements AsyncDisposable {
  readonly client: RelayClient;
  readonly links: Readonly<Record<LinkName, FaultProxy>>;
  /** How often the method ran for each id. */
  readonly runs: ReadonlyMap<number, number>;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    stack: AsyncDisposableStack,
    client: RelayClient,
    links: Record<LinkName, FaultProxy>,
    runs: ReadonlyMap<number, number>,
  ) {
    this.#stack = stack;
    this.client = client;
    this.links = links;
    this.runs = runs;
  }

  static async start(seed: string): Promise<Federation> {
    const stack = new AsyncDisposableStack();
    const random = seededRandom(seed);
    const root = mkdtempSync(path.join(tmpdir(), 'relay-faults-'));
    stack.defer(() => rmSync(root, { recursive: true, force: true }));
    const runs = new Map<number, number>();
    const ledger = defineService('ledger', {
      add: {
        params: { id: 'number' },
        effect: 'writes',
        run: async (_context, id) => {
          runs.set(Number(id), (runs.get(Number(id)) ?? 0) + 1);
          await new Promise((resolve) => setTimeout(resolve, WORK_MS));
          return id ?? null;
        },
      },
    });
    const start = async (options: Pick<RelayOptions, 'nodeType' | 'nodeId'> & Partial<RelayOptions>) => {
      const node: RelayNode = await startRelay({
        version: 'test',
        port: await holdPort({ host: '127.0.0.1', port: 0 }),
        folder: path.join(root, options.nodeId),
        services: [],
        drainMs: 0,
        healthCheckMs: 1_000,
        // The default of 30 s is longer than a test of a second needs.
        balance: { openForMs: 1_000 },
        log: createLog({
          level: 'error',
          format: 'text',
          write: (line) => process.stderr.write(line),
          clock: systemClock,
        }),
        events: { emit: () => {} },
        ...options,
      });
      stack.defer(() => node.stop());
      node.connect();
      return node;
    };
    const proxy = async (node: RelayNode, name: string) =>
      stack.use(await FaultProxy.listen(Number(new URL(node.url).port), random.fork(name)));

    const b = await start({ nodeType: 'main', nodeId: 'relay-b' });
    const [toPeer, toMain] = [await proxy(b, 'peer'), await proxy(b, 'home')];
    const a = await start({
      nodeType: 'main',
      nodeId: 'relay-a',
      peers: [`ws://127.0.0.1:${toPeer.port}/ws/peers`],
    });
    const home = await start({
      nodeType: 'home',
      nodeId: 'bob.home',
      services: [ledger],
      urls: [`ws://127.0.0.1:${toMain.port}/ws/federation`],
    });
    ledger.connect({ clock: systemClock, nodeId: () => home.nodeId, outbound: home.outbound });
    const toClient = await proxy(a, 'client');
    const client = connect(`ws://127.0.0.1:${toClient.port}`, {
      webSocket: WebSocket as unknown as WebSocketConstructor,
      maxRetryMs: 1_000,
    });
    stack.defer(() => client.close());
    const links = { 'client–Main': toClient, 'Main–Main': toPeer, 'Home–Main': toMain };
    const federation = new Federation(stack, client, links, runs);
    await federation.untilAnswers(-1);
    return federation;
  }

  /** Waits until a call succeeds. */
  untilAnswers(id: number, limitMs = 60_000): Promise<void> {
    const tries = (): Promise<boolean> =>
      this.client.call('ledger', 'add', [id], { timeoutMs: 2_000 }).then(
        () => true,
        () => false,
      );
    return waitFor(tries, { limitMs, what: 'a call to succeed' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
