// The federation of the demo: two Mains that are peers, three Homes, each its own process with a free port and a temporary folder.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestJson, Unreachable } from '../http-client.ts';
import { asArray, asObject, asText } from '../json.ts';
import { CommandFailure } from '../usage.ts';
import { type ChildNode, startChildNode } from './child-node.ts';

export const NODE_NAMES = ['relay-a.com', 'relay-b.com', 'alice.home', 'bob.home', 'charlie.home'] as const;
export type NodeName = (typeof NODE_NAMES)[number];
const SERVICES = ['blog_service', 'news_service', 'shop_service'];

const READY_LIMIT_MS = 15_000;
const POLL_MS = 50;
const NO_NAMES: ReadonlyMap<string, string> = new Map();

export interface DemoFederation {
  readonly urls: Readonly<Record<NodeName, string>>;
  get(node: NodeName, path: string): Promise<unknown>;
  rpc(node: NodeName, request: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

export interface DemoOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Gets the classic command line of each node before it starts. */
  readonly onStart: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves when every node is ready and both registries list all services. Nothing is left running if it rejects. */
export async function startFederation({ env, onStart, signal }: DemoOptions): Promise<DemoFederation> {
  const [portA, portB] = await freePorts(2);
  const mainA = `ws://127.0.0.1:${portA}`;
  const mainB = `ws://127.0.0.1:${portB}`;
  const commands: Readonly<Record<NodeName, readonly string[]>> = {
    'relay-a.com': [
      '-server',
      '-node-type',
      'main',
      '-node-id',
      'relay-a.com',
      '-port',
      `${portA}`,
      '-peers',
      mainB,
    ],
    'relay-b.com': [
      '-server',
      '-node-type',
      'main',
      '-node-id',
      'relay-b.com',
      '-port',
      `${portB}`,
      '-peers',
      mainA,
    ],
    'alice.home': ['blog.rl', '-node-type', 'home', '-node-id', 'alice.home', '-connect', mainA],
    'bob.home': ['shop.rl', '-node-type', 'home', '-node-id', 'bob.home', '-connect', mainA],
    'charlie.home': ['news.rl', '-node-type', 'home', '-node-id', 'charlie.home', '-connect', mainB],
  };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'relay-demo-'));
  const nodes: ChildNode[] = [];
  const stop = async (): Promise<void> => {
    // Homes first, so that they say goodbye to a Main that is still there.
    await Promise.all(nodes.slice(2).map((node) => node.stop()));
    await Promise.all(nodes.slice(0, 2).map((node) => node.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const name of NODE_NAMES) {
      onStart(`./relay ${commands[name].join(' ')}`);
      nodes.push(startChildNode(name, commands[name], { ...env, RELAY_DATA_DIR: path.join(folder, name) }));
    }
    const deadline = Date.now() + READY_LIMIT_MS;
    const found: Partial<Record<NodeName, string>> = {};
    for (const node of nodes)
      found[node.name as NodeName] = await withLimit(node.url, deadline, node, signal);
    const urls = found as Record<NodeName, string>;
    const federation: DemoFederation = {
      urls,
      get: async (name, where) => {
        const url = urls[name] + where;
        return (await requestJson({ url, timeoutMs: 10_000, resolve: NO_NAMES })).body;
      },
      rpc: async (name, request) => {
        const url = `${urls[name]}/rpc`;
        return (await requestJson({ url, body: request, timeoutMs: 65_000, resolve: NO_NAMES })).body;
      },
      stop,
    };
    await untilReady(federation, deadline, signal);
    return federation;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function withLimit(
  url: Promise<string>,
  deadline: number,
  node: ChildNode,
  signal: AbortSignal,
): Promise<string> {
  const limit = sleep(Math.max(0, deadline - Date.now()), undefined, { signal, ref: false }).then(() => {
    throw new CommandFailure(`${node.name} did not start within 15 s:\n${node.lastLines().join('\n')}`);
  });
  limit.catch(() => {});
  return Promise.race([url, limit]);
}

async function untilReady(federation: DemoFederation, deadline: number, signal: AbortSignal): Promise<void> {
  let missing = 'nothing yet';
  while (Date.now() < deadline) {
    missing = await firstMissing(federation);
    if (missing === '') return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new CommandFailure(`the federation was not complete within 15 s: ${missing}`);
}

/** What is still to come; empty when all is there. */
async function firstMissing(federation: DemoFederation): Promise<string> {
  try {
    for (const name of NODE_NAMES) {
      const ready = asObject(await federation.get(name, '/ready'));
      if (ready['status'] !== 'ready')
        return `${name} is not ready (${asArray(ready['reasons']).join(', ')})`;
    }
    for (const name of ['relay-a.com', 'relay-b.com'] as const) {
      const registry = asObject(await federation.get(name, '/federation/registry'));
      const entries = [...asArray(registry['local']), ...asArray(registry['federated'])].map(asObject);
      const names = entries.map((entry) => asText(entry['service_name']));
      const absent = SERVICES.filter((service) => !names.includes(service));
      if (absent.length > 0) return `${name} does not list ${absent.join(', ')}`;
    }
    return '';
  } catch (error) {
    if (error instanceof Unreachable) return error.message;
    throw error;
  }
}

/** Ports that were free a moment ago: a Main must know that of the other before it starts. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once('error', reject).listen(0, '127.0.0.1', () => {
              const address = server.address();
              resolve(typeof address === 'object' && address !== null ? address.port : 0);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
