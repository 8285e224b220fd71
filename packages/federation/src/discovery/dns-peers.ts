// Peers that DNS names (cli.md §3): looked up again all the time, what is new is dialled, what is gone and not connected is forgotten.

import type { Clock } from '@relay/protocol';
import type { PeerSource, PeerView } from '../nodes/configured-peer.ts';
import type { DnsResolver } from './dns-resolver.ts';

const INTERVAL_MS = 30_000;
const DEFAULT_PORT = 8080;
const TLS_PORT = 443;
/** Peers taken from one name; an answer with more is cut, so that a wrong zone cannot make a Main dial without end. */
const MAX_PEERS = 256;

/** Who dials. */
export interface DialledPeers {
  peers(): readonly PeerView[];
  addPeer(url: string, source: 'dns'): { readonly kind: string };
  removePeer(url: string): void;
}

export interface DnsPeersOptions {
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  readonly peers: DialledPeers;
  /** A look-up failed or found nothing; told once until it works again. */
  readonly warn: (message: string) => void;
}

interface Target {
  /** As configured. */
  readonly url: string;
  readonly source: PeerSource;
  readonly name: string;
  readonly port: number;
  /** What the last answer named. */
  found: readonly string[];
  /** Why there is none. */
  problem: string | undefined;
  hasAnswer: boolean;
}

export class DnsPeers {
  readonly #options: DnsPeersOptions;
  readonly #targets = new Map<string, Target>();
  /** URLs that were dialled because of DNS. */
  readonly #added = new Set<string>();
  #timer: Disposable | undefined;
  #isStopped = false;

  constructor(options: DnsPeersOptions) {
    this.#options = options;
  }

  /** `url` is `dns://NAME` or `dns://NAME:PORT`, normalised. The same again changes nothing. */
  add(url: string, source: PeerSource): PeerView {
    const target = this.#targets.get(url) ?? createTarget(url, source);
    if (!this.#targets.has(url)) {
      this.#targets.set(url, target);
      this.#timer?.[Symbol.dispose]();
      void this.#lookUp();
    }
    return view(target);
  }

  /** Forgets a name and the peers that only it led to. False if it is not looked up. */
  remove(url: string): boolean {
    if (!this.#targets.delete(url)) return false;
    for (const gone of this.#unwanted()) this.#forget(gone);
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.[Symbol.dispose]();
  }

  /** Names that lead to nobody at the moment, or that nobody has answered for yet. */
  unresolved(): PeerView[] {
    return [...this.#targets.values()]
      .filter(({ problem, hasAnswer }) => problem !== undefined || !hasAnswer)
      .map(view);
  }

  async #lookUp(): Promise<void> {
    await Promise.all([...this.#targets.values()].map((target) => this.#lookUpOne(target)));
    if (this.#isStopped) return;
    this.#apply();
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#options.clock.after(INTERVAL_MS, () => void this.#lookUp());
  }

  async #lookUpOne(target: Target): Promise<void> {
    try {
      target.found = (await this.#urlsOf(target)).slice(0, MAX_PEERS);
      this.#setProblem(target, target.found.length === 0 ? `no such host ${target.name}` : undefined);
    } catch (error) {
      // Nobody answered: what was known stays.
      this.#setProblem(target, `cannot look up ${target.name}: ${errorText(error)}`);
    }
  }

  /** SRV records, else addresses. */
  async #urlsOf({ name, port }: Target): Promise<readonly string[]> {
    const { resolver } = this.#options;
    const services = await resolver.services(`_relay._tcp.${name}`);
    if (services.length > 0) return services.map((service) => peerUrl(service.host, service.port));
    return (await resolver.addresses(name)).map((address) => peerUrl(address, port));
  }

  #setProblem(target: Target, problem: string | undefined): void {
    if (problem !== undefined && problem !== target.problem && !this.#isStopped) {
      this.#options.warn(`peers ${target.url}: ${problem}; looked up again every ${INTERVAL_MS / 1_000} s`);
    }
    target.problem = problem;
    target.hasAnswer = true;
  }

  #apply(): void {
    const { peers } = this.#options;
    for (const { found } of this.#targets.values()) {
      for (const url of found) {
        // One that is configured by hand as well stays what it is.
        if (!this.#added.has(url) && peers.addPeer(url, 'dns').kind === 'added') this.#added.add(url);
      }
    }
    const gone = this.#unwanted();
    if (gone.length === 0) return;
    // A node that is being stopped leaves DNS before its sessions end: those go by themselves.
    const connected = new Set(
      peers
        .peers()
        .filter(({ state }) => state === 'connected')
        .map(({ url }) => url),
    );
    for (const url of gone) if (!connected.has(url)) this.#forget(url);
  }

  #unwanted(): readonly string[] {
    const wanted = new Set([...this.#targets.values()].flatMap(({ found }) => found));
    return [...this.#added].filter((url) => !wanted.has(url));
  }

  #forget(url: string): void {
    this.#added.delete(url);
    this.#options.peers.removePeer(url);
  }
}

function createTarget(url: string, source: PeerSource): Target {
  const { hostname, port } = new URL(url);
  return {
    url,
    source,
    name: hostname,
    port: port === '' ? DEFAULT_PORT : Number(port),
    found: [],
    problem: undefined,
    hasAnswer: false,
  };
}

function peerUrl(host: string, port: number): string {
  return `${port === TLS_PORT ? 'wss' : 'ws'}://${host}:${port}/ws/peers`;
}

function errorText(error: unknown): string {
  const { code } = error as { readonly code?: string };
  switch (code) {
    case 'ETIMEOUT':
      return 'no answer from the name server';
    case 'ECONNREFUSED':
      return 'no name server';
    case 'ESERVFAIL':
      return 'the name server failed';
    default:
      return code ?? String(error);
  }
}

function view({ url, source, problem, hasAnswer }: Target): PeerView {
  return {
    id: undefined,
    url,
    state: hasAnswer ? 'down' : 'connecting',
    isHealthy: false,
    direction: undefined,
    source,
    connectedSince: undefined,
    lastSeen: undefined,
    latencyMs: undefined,
    reconnectAttempts: 0,
    nextRetryMs: undefined,
    lastError: problem,
    calls: { forwarded: 0, failed: 0 },
    bytes: { sent: 0, received: 0 },
  };
}
