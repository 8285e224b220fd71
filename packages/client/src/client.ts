// The SDK's client: one link to a Main, kept open, and calls over it as promises.

import {
  ALREADY_SETTLED,
  CALL_LIMITS,
  type Call,
  type Cancel,
  CLOSE_CODES,
  codecFor,
  createFailure,
  decodeUtf8,
  encodeUtf8,
  isFinalClose,
  LINK_LIMITS,
  type Link,
  mainAddress,
  type NodeAddress,
  type Outcome,
  parseAddress,
  RelayError,
  Session,
  type SessionOwner,
  type Settle,
} from '@relay/protocol';
import { systemClock, systemRandom } from './clock.ts';
import { HandshakeError, shakeHands } from './handshake.ts';
import {
  type CallOptions,
  type ClientConfig,
  type ConnectOptions,
  checkIdempotencyKey,
  checkMs,
  federationUrl,
  resolveConnectOptions,
  type ServiceOptions,
} from './options.ts';
import { openWebSocket } from './websocket-link.ts';

const SOFTWARE = 'relay-client/0.3.0';
const FIRST_RETRY_MS = 1_000;
/** Calls that may wait for the connection. */
const MAX_WAITING = 1_024;
const HERE = 'client';
const SELF = mainAddress(HERE);
const CALLER = { kind: 'client', node: HERE } as const;
const NOTHING: readonly string[] = Object.freeze([]);

/** A call that waits until there is a session. */
interface Waiting {
  begin(session: Session): void;
  fail(why: string): void;
}

/**
 * A connection to a Main Relay. It is opened at once and again whenever it is lost, until `close`; calls made meanwhile wait for
 * it as long as their time-out allows.
 */
export class RelayClient {
  readonly #url: string;
  readonly #config: ClientConfig;
  readonly #waiting = new Set<Waiting>();
  #session: Session | undefined;
  #link: Link | undefined;
  #failures = 0;
  #retry: Disposable | undefined;
  #closed: string | undefined;

  /** `url`: `ws://HOST:PORT`, `http://HOST:PORT` or `HOST:PORT` of a Main. Throws a `RangeError` for a bad URL or option. */
  constructor(url: string, options: ConnectOptions = {}) {
    this.#url = federationUrl(url);
    this.#config = resolveConnectOptions(options);
    void this.#connect();
  }

  /** Id of the Main while connected. */
  get node(): string | undefined {
    return this.#session?.nodeId;
  }

  /**
   * Calls a method and returns its result.
   *
   * @param args by position (an array) or by name (an object); anything else is one argument; `undefined` none. Must be JSON.
   * @throws RelayError whose `failure` says what happened, where, and whether the method ran; the reason of `options.signal`
   * when that aborts; a RangeError for options that make no sense. Failures are those of the HTTP API page.
   */
  call(service: string, method: string, args?: unknown, options: CallOptions = {}): Promise<unknown> {
    const { node, timeoutMs = this.#config.timeoutMs, signal, idempotencyKey } = options;
    checkMs('timeoutMs', timeoutMs, CALL_LIMITS.maxTimeoutMs);
    checkIdempotencyKey(idempotencyKey);
    const destination = node === undefined ? undefined : readAddress(node);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const call: Call = {
      destination: destination as NodeAddress,
      service,
      method,
      params: encodeArguments(args),
      deadline: systemClock.now() + timeoutMs,
      hasDefaultTimeout: options.timeoutMs === undefined && this.#config.hasDefaultTimeout,
      source: SELF,
      caller: CALLER,
      path: NOTHING,
      ttl: CALL_LIMITS.ttl,
      priority: CALL_LIMITS.defaultPriority,
      trace: false,
      traceparent: '',
      callPath: NOTHING,
      idempotencyKey: idempotencyKey as string,
    };
    return new Promise((resolve, reject) => {
      const cancel = this.#start(call, (outcome) => {
        signal?.removeEventListener('abort', abort);
        settlePromise(outcome, resolve, reject);
      });
      const abort = (): void => {
        cancel('abandon');
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** An object whose methods are those of a service: `client.service<Blog>('blog_service').get_posts()`. */
  service<T extends object>(name: string, options: ServiceOptions = {}): ServiceProxy<T> {
    const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>();
    return new Proxy(Object.create(null) as ServiceProxy<T>, {
      get: (_target, method) => {
        // A proxy with a `then` would be taken for a promise.
        if (typeof method !== 'string' || method === 'then') return undefined;
        let call = methods.get(method);
        if (call === undefined) {
          call = (...args) => this.call(name, method, args, options);
          methods.set(method, call);
        }
        return call;
      },
    });
  }

  /** Ends the connection and does not open it again. Calls that wait fail; `executed` says whether they may have run. */
  close(): void {
    this.#end('closed by this program');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Sends the call now, or as soon as there is a session. */
  #start(call: Call, settle: Settle): Cancel {
    if (this.#session !== undefined) return this.#session.call(call, settle);
    if (this.#closed !== undefined || this.#waiting.size >= MAX_WAITING) {
      settle(unreachable(this.#closed ?? `${MAX_WAITING} calls wait for the connection`));
      return ALREADY_SETTLED;
    }
    const leave = (): void => {
      this.#waiting.delete(waiting);
      timer[Symbol.dispose]();
    };
    let cancel: Cancel = leave;
    const waiting: Waiting = {
      begin: (session) => {
        leave();
        cancel = session.call(call, settle);
      },
      fail: (why) => {
        leave();
        settle(unreachable(why));
      },
    };
    const timer = systemClock.after(call.deadline - systemClock.now(), () => waiting.fail('not connected'));
    this.#waiting.add(waiting);
    return (mode) => cancel(mode);
  }

  async #connect(): Promise<void> {
    let reason: string;
    let isFinal = false;
    try {
      await this.#open();
      return;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      isFinal = error instanceof HandshakeError && isFinalClose(error.code);
    }
    if (isFinal) this.#end(reason);
    else this.#retryLater(reason);
  }

  async #open(): Promise<void> {
    const { webSocket, token, onState } = this.#config;
    const link = await openWebSocket(webSocket, this.#url);
    this.#link = link;
    if (this.#closed !== undefined) link.close(CLOSE_CODES.done, this.#closed);
    const { challenge, welcome, handOver } = await shakeHands(link, {
      clock: systemClock,
      random: systemRandom,
      target: new URL(this.#url).host,
      software: SOFTWARE,
      ...(token === undefined ? {} : { token }),
    });
    const session = new Session({
      self: HERE,
      isMain: false,
      link: withListen(link, handOver),
      codec: codecFor(link, SELF, systemClock, welcome.limits),
      identity: {
        id: welcome.session,
        role: 'main',
        nodeId: challenge.nodeId,
        instance: '',
        epoch: welcome.epoch,
        direction: 'outbound',
        url: this.#url,
        remoteAddress: '',
        limits: welcome.limits,
        heartbeatMs: welcome.heartbeatMs,
      },
      owner: this.#owner(),
      clock: systemClock,
      random: systemRandom,
    });
    this.#session = session;
    this.#failures = 0;
    session.start();
    onState?.({ kind: 'connected', node: challenge.nodeId });
    for (const waiting of [...this.#waiting]) waiting.begin(session);
  }

  #lost(session: Session, reason: string, code: number): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    if (isFinalClose(code)) this.#end(reason);
    else this.#retryLater(reason);
  }

  /** Full jitter: a thousand clients of one Main do not come back at once. */
  #retryLater(reason: string): void {
    if (this.#closed !== undefined) return;
    const bound = Math.min(this.#config.maxRetryMs, FIRST_RETRY_MS * 2 ** this.#failures);
    this.#failures += 1;
    const retryMs = systemRandom.next() * bound;
    this.#config.onState?.({ kind: 'disconnected', reason, retryMs });
    this.#retry = systemClock.after(retryMs, () => void this.#connect());
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#retry?.[Symbol.dispose]();
    const session = this.#session;
    this.#session = undefined;
    session?.close(CLOSE_CODES.done, reason);
    this.#link?.close(CLOSE_CODES.done, reason);
    for (const waiting of [...this.#waiting]) waiting.fail(reason);
    this.#config.onState?.({ kind: 'closed', reason });
  }

  #owner(): SessionOwner {
    return {
      onOpened: () => {},
      onCall: (_session, _call, settle) => {
        settle({
          kind: 'failure',
          failure: createFailure('service_not_found', 'a client offers no services', HERE),
        });
        return ALREADY_SETTLED;
      },
      onRegistration: (_session, { seq }) => ({ seq }),
      onDiscovery: () => {},
      onRegistryState: () => {},
      // The session stays until its calls are over; what is lost then is dialled again.
      onDrain: () => {},
      registryState: () => undefined,
      load: () => ({ inFlight: 0, capacity: LINK_LIMITS.inFlight }),
      onClosed: (session, { code, reason }) => this.#lost(session, reason, code),
    };
  }
}

/** Every method asynchronous, with the arguments and result of the service's own type. */
export type ServiceProxy<T extends object> = {
  readonly [M in keyof T]: T[M] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never;
};

function readAddress(text: string): NodeAddress {
  const address = parseAddress(text);
  if (address === undefined)
    throw new RangeError(`not an address: ${JSON.stringify(text)} (use ID or ID@MAIN)`);
  return address;
}

function encodeArguments(args: unknown): Uint8Array {
  if (args === undefined || args === null) return new Uint8Array();
  const text = JSON.stringify(typeof args === 'object' ? args : [args]);
  if (text === undefined) throw new RangeError('arguments must be JSON');
  return encodeUtf8(text);
}

function settlePromise(
  outcome: Outcome,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  if (outcome.kind === 'failure') {
    reject(new RelayError(outcome.failure));
    return;
  }
  try {
    resolve(JSON.parse(decodeUtf8(outcome.body) ?? ''));
  } catch (cause) {
    const failure = createFailure('internal_error', 'the result is not JSON', HERE, { executed: 'yes' });
    reject(new RelayError(failure, { cause }));
  }
}

function unreachable(why: string): Outcome {
  const failure = createFailure('peer_unreachable', `the Main Relay cannot be reached: ${why}`, HERE, {
    executed: 'no',
  });
  return { kind: 'failure', failure };
}

/** The link, listened to by way of who had it first. */
function withListen(link: Link, listen: Link['listen']): Link {
  return {
    subprotocol: link.subprotocol,
    listen,
    send: (data) => link.send(data),
    get bufferedBytes() {
      return link.bufferedBytes;
    },
    limitMessage: (bytes) => link.limitMessage(bytes),
    close: (code, reason) => link.close(code, reason),
    terminate: () => link.terminate(),
  };
}
