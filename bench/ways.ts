// The ways of a call that are measured, each a chain of processes of its own: federations of ours, the bare forwarder, and what other
// people would pick instead.

import { freePort } from '@relay/testkit';
import { whyNot } from './peers/installed.ts';
import { startGateways, startLeaves, startNats } from './peers/nats-server.ts';
import { type BenchProcess, startProcess } from './processes.ts';

/** How a call goes: its load generator and every process that works for it, the generator last. */
export interface Way {
  readonly name: string;
  readonly load: BenchProcess;
  readonly processes: readonly BenchProcess[];
  readonly against?: string;
}

export const BARE_2 = 'bare forwarder, 2 hops';
export const BARE_3 = 'bare forwarder, 3 hops';
export const TWO_MAINS = 'two Mains, SDK';
export const UNPROTECTED = `${TWO_MAINS}, protections off`;
export const TWO_MAINS_HTTP = 'two Mains, /rpc';
export const LOCAL_HTTP = 'local /rpc';
export const FASTIFY = 'bare Fastify route';
export const FASTIFY_LINK = 'bare Fastify route and one link';
export const P2P_HTTP = 'P2P mode, /rpc over one link';
export const NATS_GATEWAYS = 'NATS, two gateways, 3 hops';

const ECHO_PARAMS = '["TEXT"]';

/** Starts processes and ends them all. */
export class Processes implements AsyncDisposable {
  readonly #started: BenchProcess[] = [];

  async start(name: string, file: string, ...args: string[]): Promise<BenchProcess> {
    return this.keep(await startProcess(name, file, args));
  }

  keep(process: BenchProcess): BenchProcess {
    this.#started.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((process) => process.stop()));
  }
}

const url = (process: BenchProcess): string => String(process.ready['url']);
const http = (process: BenchProcess): string => String(process.ready['http']);

/** Bare forwarders that stand where the Mains stand, an echo where the Home stands. */
export async function bareWays(processes: Processes): Promise<readonly Way[]> {
  const echo = await processes.start('echo', 'bare-forwarder.ts');
  const last = await processes.start('forwarder', 'bare-forwarder.ts', url(echo));
  const first = await processes.start('forwarder', 'bare-forwarder.ts', url(last));
  const load2 = await processes.start('load', 'load-bare.ts', url(last));
  const load3 = await processes.start('load', 'load-bare.ts', url(first));
  return [
    { name: BARE_2, load: load2, processes: [last, echo, load2] },
    { name: BARE_3, load: load3, processes: [first, last, echo, load3] },
  ];
}

/** Two Mains, a Home at the second with the TypeScript service: over the SDK, and by HTTP. */
export async function federationWays(
  processes: Processes,
): Promise<{ readonly sdk: readonly Way[]; readonly http: readonly Way[] }> {
  const mainB = await processes.start('Main B', 'node.ts', 'main', 'main-b');
  const mainA = await processes.start('Main A', 'node.ts', 'main', 'main-a', url(mainB));
  const home = await processes.start('Home', 'node.ts', 'home', 'home', url(mainB), 'typescript');
  const sdk2 = await processes.start('load', 'load-sdk.ts', url(mainB));
  const sdk3 = await processes.start('load', 'load-sdk.ts', url(mainA));
  const http2 = await processes.start('load', 'load-http.ts', http(mainB), 'echo.echo', ECHO_PARAMS);
  const http3 = await processes.start('load', 'load-http.ts', http(mainA), 'echo.echo', ECHO_PARAMS);
  return {
    sdk: [
      { name: 'same Main, SDK', load: sdk2, processes: [mainB, home, sdk2], against: BARE_2 },
      { name: TWO_MAINS, load: sdk3, processes: [mainA, mainB, home, sdk3], against: BARE_3 },
    ],
    http: [
      { name: 'same Main, /rpc', load: http2, processes: [mainB, home, http2], against: P2P_HTTP },
      { name: TWO_MAINS_HTTP, load: http3, processes: [mainA, mainB, home, http3], against: P2P_HTTP },
    ],
  };
}

/** The same federation again with an `.rl` service, so that both kinds are asked by the same name. */
export async function programWays(processes: Processes): Promise<readonly Way[]> {
  const mainB = await processes.start('Main B', 'node.ts', 'main', 'main-d');
  const mainA = await processes.start('Main A', 'node.ts', 'main', 'main-c', url(mainB));
  const home = await processes.start('Home', 'node.ts', 'home', 'home-rl', url(mainB), 'rl');
  const load = await processes.start('load', 'load-sdk.ts', url(mainA));
  return [
    { name: `${TWO_MAINS}, .rl service`, load, processes: [mainA, mainB, home, load], against: BARE_3 },
  ];
}

/** The same federation without circuits, ejection and limits: what those cost. */
export async function unprotectedWays(processes: Processes): Promise<readonly Way[]> {
  const env = { RELAY_BENCH_PROTECTIONS: 'off' };
  const node = async (name: string, ...args: string[]): Promise<BenchProcess> =>
    processes.keep(await startProcess(name, 'node.ts', args, env));
  const mainB = await node('Main B', 'main', 'main-g');
  const mainA = await node('Main A', 'main', 'main-f', url(mainB));
  const home = await node('Home', 'home', 'home-bare', url(mainB), 'typescript');
  const load = await processes.start('load', 'load-sdk.ts', url(mainA));
  return [{ name: UNPROTECTED, load, processes: [mainA, mainB, home, load], against: BARE_3 }];
}

/** By HTTP: the earlier mesh, with one direct link between the node that is asked and the one that answers; and no link at all. */
export async function httpWays(processes: Processes): Promise<readonly Way[]> {
  const far = await processes.start('node B', 'node.ts', 'p2p', 'p2p-b', '', 'typescript');
  const near = await processes.start('node A', 'node.ts', 'p2p', 'p2p-a', `p2p-b@${http(far)}`);
  const remote = `{"node_id":"p2p-b","server_name":"echo","method":"echo","args":${ECHO_PARAMS}}`;
  const p2p = await processes.start('load', 'load-http.ts', http(near), 'remote_call', remote);

  const echo = await processes.start('echo', 'bare-forwarder.ts');
  const linked = await processes.start('Fastify', 'bare-fastify.ts', url(echo));
  const bareLink = await processes.start('load', 'load-http.ts', http(linked), 'echo.echo', ECHO_PARAMS);
  const route = await processes.start('Fastify', 'bare-fastify.ts');
  const bare = await processes.start('load', 'load-http.ts', http(route), 'echo.echo', ECHO_PARAMS);
  const main = await processes.start('Main', 'node.ts', 'main', 'main-e', '', 'typescript');
  const local = await processes.start('load', 'load-http.ts', http(main), 'echo.echo', ECHO_PARAMS);
  return [
    { name: FASTIFY_LINK, load: bareLink, processes: [linked, echo, bareLink] },
    { name: P2P_HTTP, load: p2p, processes: [near, far, p2p], against: FASTIFY_LINK },
    { name: FASTIFY, load: bare, processes: [route, bare] },
    { name: LOCAL_HTTP, load: local, processes: [main, local], against: FASTIFY },
  ];
}

export interface PeerWays {
  readonly ways: readonly Way[];
  /** What was left out, with the command that installs it. */
  readonly skipped: readonly string[];
}

type StartPeer = (processes: Processes) => Promise<Way>;

export async function natsGateways(processes: Processes): Promise<PeerWays> {
  return ifInstalled(
    'NATS, two gateways',
    ['nats-server', '@nats-io/transport-node'],
    processes,
    startNatsGateways,
  );
}

export async function otherPeers(processes: Processes): Promise<PeerWays> {
  const peers = [
    await ifInstalled(
      'NATS, leaf nodes',
      ['nats-server', '@nats-io/transport-node'],
      processes,
      startNatsLeaves,
    ),
    await ifInstalled('Moleculer over TCP', ['moleculer'], processes, startMoleculerTcp),
    await ifInstalled(
      'Moleculer over NATS',
      ['moleculer', 'nats', 'nats-server'],
      processes,
      startMoleculerNats,
    ),
  ];
  return { ways: peers.flatMap(({ ways }) => ways), skipped: peers.flatMap(({ skipped }) => skipped) };
}

async function ifInstalled(
  name: string,
  needs: Parameters<typeof whyNot>[1],
  processes: Processes,
  start: StartPeer,
): Promise<PeerWays> {
  const because = whyNot(name, needs);
  if (because !== undefined) return { ways: [], skipped: [because] };
  return { ways: [await start(processes)], skipped: [] };
}

const startNatsGateways: StartPeer = async (processes) => {
  const [near, far] = await startGateways();
  processes.keep(near.process);
  processes.keep(far.process);
  const echo = await processes.start('echo', 'peers/nats.ts', 'echo', far.url);
  const load = await processes.start('load', 'peers/nats.ts', 'load', near.url);
  return { name: NATS_GATEWAYS, load, processes: [near.process, far.process, echo, load], against: BARE_3 };
};

const startNatsLeaves: StartPeer = async (processes) => {
  const servers = await startLeaves();
  for (const server of servers) processes.keep(server.process);
  const [near, , far] = servers;
  const echo = await processes.start('echo', 'peers/nats.ts', 'echo', far.url);
  const load = await processes.start('load', 'peers/nats.ts', 'load', near.url);
  const all = [...servers.map((server) => server.process), echo, load];
  return { name: 'NATS, leaf nodes and a hub, 4 hops', load, processes: all, against: BARE_3 };
};

const startMoleculerTcp: StartPeer = async (processes) => {
  const port = await freePort();
  const other = await freePort();
  const urls = [`tcp://127.0.0.1:${port}/echo`, `tcp://127.0.0.1:${other}/load`];
  return startMoleculer(processes, 'Moleculer over TCP, 1 hop', {
    type: 'TCP',
    options: { udpDiscovery: false, useHostname: false, urls },
  });
};

const startMoleculerNats: StartPeer = async (processes) => {
  const server = await startNats('NATS');
  processes.keep(server.process);
  const transporter = { type: 'NATS', options: { url: `nats://${server.url}` } };
  const way = await startMoleculer(processes, 'Moleculer over NATS, 2 hops', transporter);
  return { ...way, processes: [server.process, ...way.processes], against: BARE_2 };
};

async function startMoleculer(processes: Processes, name: string, transporter: object): Promise<Way> {
  const echo = await processes.start('echo', 'peers/moleculer.ts', 'echo', JSON.stringify(transporter));
  const load = await processes.start('load', 'peers/moleculer.ts', 'load', JSON.stringify(transporter));
  return { name, load, processes: [echo, load] };
}
