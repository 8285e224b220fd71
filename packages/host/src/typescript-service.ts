// Services written in TypeScript. A method is a plain function; what arrives is bound to its parameters like the arguments of a
// Relay server (http-api.md §4.3), what it returns or throws becomes the one outcome of the call.

import {
  ALREADY_SETTLED,
  CALL_LIMITS,
  type Call,
  type Caller,
  type CallHandler,
  type Cancel,
  type Clock,
  createFailure,
  type Effect,
  type Failure,
  type IdempotencyCounts,
  isName,
  KeyedHandler,
  type MethodDescription,
  RelayError,
  type Service,
  type ServiceOffer,
  type Settle,
} from '@relay/protocol';
import { digest } from './idempotency/digest.ts';
import { createOutboundCall } from './outbound-call.ts';
import { fromTagged, toJsonText } from './plain-json.ts';

/** What a method may know about its call beside the arguments. */
export interface CallContext {
  readonly caller: Caller;
  /** Aborted when the call is killed. Not when the caller merely stops waiting: then the method may finish its work. */
  readonly signal: AbortSignal;
  /** Milliseconds the caller still waits; never below 0, `Infinity` before the service is connected to a node. */
  remainingMs(): number;
  /**
   * Calls another service of the federation: `service` is a name or `name@node`, `args` an array (by position), an object (by
   * name) or nothing. Waits at most as long as this call's own caller does. Rejects with a `RelayError`.
   */
  call(
    service: string,
    method: string,
    args?: readonly unknown[] | Readonly<Record<string, unknown>>,
  ): Promise<unknown>;
}

/**
 * Gets the context and then one argument per parameter: a JSON value, or undefined where the caller gave none. Returns (or
 * resolves with) anything `JSON.stringify` takes; undefined and null both are nil. A `Date` reaches a Relay program as a datetime
 * and everybody else as ISO text.
 */
// biome-ignore lint/suspicious/noExplicitAny: the author of a method states its parameter types, which callers may not respect.
export type MethodFunction = (context: CallContext, ...args: any[]) => unknown;

export interface MethodOptions {
  /** Names, or names with types in the language's notation (`{ city: 'string', days: 'optional(number)' }`). Published, not checked. */
  readonly params?: readonly string[] | Readonly<Record<string, string>>;
  /** Result type in the language's notation. Default `any`. */
  readonly returns?: string;
  /** How strongly the method acts; callers repeat only what is `pure` or `reads`. Default `calls`, the safe side. */
  readonly effect?: Effect;
  readonly doc?: string;
  readonly run: MethodFunction;
}

/** What a node lends to the services it runs. */
export interface ServicePorts {
  readonly clock: Clock;
  /** Id of this node, which failures carry as their place of origin. */
  readonly nodeId: () => string;
  /** Takes the calls a service makes. */
  readonly outbound: CallHandler;
  /** Unexpected errors with their stack: for the operator, never for the caller. */
  readonly log?: (text: string) => void;
  /** The service has reported another health: what is offered has changed (`RelayNode.setServices`). */
  readonly onHealth?: () => void;
}

/** A service, to be connected to its node before it is offered. Unconnected it answers, but can call nobody. */
export interface TypeScriptService extends Service {
  connect(ports: ServicePorts): void;
  /**
   * What the service knows of itself, for instance that its database is away. While it is not healthy it stays known, and calls go to
   * other instances; without another one they fail as `no_healthy_instance`, `executed: no`.
   */
  reportHealth(isHealthy: boolean): void;
  /** Calls with an idempotency key so far, by what became of them. */
  readonly idempotency: Readonly<IdempotencyCounts>;
}

/** Thrown by a method to fail with a value: the caller sees `application_error` (in a Relay program code `thrown`) carrying it. */
export class ApplicationError extends Error {
  override readonly name = 'ApplicationError';
  readonly value: unknown;

  constructor(value: unknown) {
    super(textOfThrown(value));
    this.value = value;
  }
}

/**
 * Declares a service. Each method is a function, or an object that also says what is published about it:
 *
 *     export default defineService('weather', {
 *       now: () => new Date(),
 *       forecast: {
 *         params: { city: 'string', days: 'optional(number)' }, returns: '[number]', effect: 'reads',
 *         run: async (context, city: string, days = 3) => { … },
 *       },
 *     });
 *
 * Failures: throw an `ApplicationError` for an expected one and a `RelayError` to choose the code. Any other error is
 * `internal_error` with its message, without its stack. Throws a `RangeError` for a name no service or method can have.
 */
export function defineService(
  name: string,
  methods: Readonly<Record<string, MethodFunction | MethodOptions>>,
): TypeScriptService {
  if (!isName(name)) throw new RangeError(`'${name}' is no service name`);
  const table = new Map<string, Method>();
  for (const [method, given] of Object.entries(methods)) {
    if (!isName(method)) throw new RangeError(`'${method}' is no method name`);
    table.set(method, describe(method, typeof given === 'function' ? { run: given } : given));
  }
  const offer: ServiceOffer = {
    name,
    methods: [...table.values()].map((method) => method.description),
    visibility: 'federated',
    weight: 1,
  };
  let ports: ServicePorts | undefined;
  let isHealthy = true;
  const run: CallHandler = (call, settle) => handleCall(name, table.get(call.method), call, settle, ports);
  const keyed = new KeyedHandler(run, {
    // Without a node there is no clock: then nothing grows old.
    wallNow: () => ports?.clock.wallNow() ?? 0,
    nodeId: () => ports?.nodeId() ?? 'local',
    digest,
  });
  return {
    get offer() {
      return isHealthy ? offer : { ...offer, healthy: false };
    },
    idempotency: keyed.counts,
    connect: (given) => {
      ports = given;
    },
    reportHealth: (reported) => {
      if (reported === isHealthy) return;
      isHealthy = reported;
      ports?.onHealth?.();
    },
    handle: (call, settle) =>
      call.idempotencyKey === undefined ? run(call, settle) : keyed.handle(call, settle),
  };
}

interface Method {
  readonly description: MethodDescription;
  /** Undefined: not declared, so arguments pass as they come. */
  readonly names: readonly string[] | undefined;
  readonly run: MethodFunction;
}

function describe(name: string, { params, returns, effect, doc, run }: MethodOptions): Method {
  const declared: readonly (readonly [string, string])[] =
    params === undefined
      ? []
      : Array.isArray(params)
        ? params.map((param: string) => [param, 'any'] as const)
        : Object.entries(params);
  return {
    description: {
      name,
      params: declared.map(([param, type]) => ({
        name: param,
        type,
        optional: type === 'any' || type.startsWith('optional('),
      })),
      returns: returns ?? 'any',
      effect: effect ?? 'calls',
      ...(doc === undefined ? {} : { doc }),
    },
    names: params === undefined ? undefined : declared.map(([param]) => param),
    run,
  };
}

function handleCall(
  service: string,
  method: Method | undefined,
  call: Call,
  settle: Settle,
  ports: ServicePorts | undefined,
): Cancel {
  const at = ports?.nodeId() ?? 'local';
  const fail = (failure: Failure): Cancel => {
    settle({ kind: 'failure', failure });
    return ALREADY_SETTLED;
  };
  if (method === undefined) {
    return fail(createFailure('method_not_found', `Server '${service}' has no method '${call.method}'`, at));
  }
  const bound = bind(method, call.params);
  if (bound.kind === 'refused') return fail(createFailure('invalid_params', bound.why, at));

  const killed = new AbortController();
  let isOver = false;
  const finish = (answer: () => Parameters<Settle>[0]): void => {
    if (isOver) return;
    isOver = true;
    settle(answer());
  };
  const succeed = (value: unknown): void =>
    finish(() => {
      try {
        const body = ENCODER.encode(toJsonText(value, call.caller.kind === 'program'));
        return { kind: 'result', body };
      } catch (thrown) {
        return { kind: 'failure', failure: failureOf(thrown, at, ports) };
      }
    });
  const refuse = (thrown: unknown): void =>
    finish(() => ({ kind: 'failure', failure: failureOf(thrown, at, ports) }));
  const context: CallContext = {
    caller: call.caller,
    signal: killed.signal,
    remainingMs: () => (ports === undefined ? Infinity : Math.max(0, call.deadline - ports.clock.now())),
    call: (target, name, args) => callOut(service, call, killed.signal, ports, target, name, args),
  };
  try {
    const value = method.run(context, ...bound.args);
    // An answer that is there at once leaves at once: no promise, no extra turn.
    if (isThenable(value)) value.then(succeed, refuse);
    else succeed(value);
  } catch (thrown) {
    refuse(thrown);
  }
  if (isOver) return ALREADY_SETTLED;
  return (mode) => {
    // With an idempotency key the outcome counts for whoever asks again, though nobody waits for it now.
    if (call.idempotencyKey === undefined) isOver = true;
    if (mode === 'kill') killed.abort();
  };
}

type Bound =
  | { readonly kind: 'bound'; readonly args: readonly unknown[] }
  | { readonly kind: 'refused'; readonly why: string };

function bind(method: Method, body: Uint8Array): Bound {
  let params: unknown = null;
  try {
    if (body.byteLength > 0) params = fromTagged(JSON.parse(DECODER.decode(body)));
  } catch {
    return { kind: 'refused', why: 'params are not JSON' };
  }
  const { names } = method;
  if (params === null) return { kind: 'bound', args: [] };
  if (Array.isArray(params)) {
    if (names !== undefined && params.length > names.length) {
      const why = `method '${method.description.name}' expects ${names.length} arguments, got ${params.length}`;
      return { kind: 'refused', why };
    }
    return { kind: 'bound', args: params };
  }
  if (names === undefined || typeof params !== 'object') return { kind: 'bound', args: [params] };
  const fields = params as Readonly<Record<string, unknown>>;
  const given = Object.keys(fields);
  const [only] = method.description.params;
  const takesObject = only !== undefined && names.length === 1 && !SCALAR_TYPE.test(only.type);
  if (takesObject && given.length > 0 && !given.includes(only.name)) return { kind: 'bound', args: [params] };
  const stranger = given.find((name) => !names.includes(name));
  if (stranger !== undefined) {
    return {
      kind: 'refused',
      why: `method '${method.description.name}' has no parameter '${stranger}'`,
    };
  }
  return {
    kind: 'bound',
    args: names.map((name) => (Object.hasOwn(fields, name) ? fields[name] : undefined)),
  };
}

/** Types that no object fits. */
const SCALAR_TYPE = /^(?:optional\()?(?:string|number|bool|datetime|array|function|nil|\[)/;

function callOut(
  service: string,
  call: Call,
  signal: AbortSignal,
  ports: ServicePorts | undefined,
  target: string,
  method: string,
  args: unknown,
): Promise<unknown> {
  if (ports === undefined)
    return Promise.reject(new RangeError('a service calls others only after connect()'));
  const { clock, nodeId, outbound } = ports;
  const own = nodeId();
  const outgoing = createOutboundCall({
    target,
    method,
    params: ENCODER.encode(toJsonText(args ?? null, true)),
    deadline: Math.min(call.deadline, clock.now() + CALL_LIMITS.defaultTimeoutMs),
    nodeId: own,
    callPath: [...call.callPath, `${service}@${own}`],
    traceparent: call.traceparent,
  });
  if (outgoing === undefined) {
    return Promise.reject(
      new RelayError(createFailure('service_not_found', `server '${target}' not found`, own)),
    );
  }
  return new Promise((resolve, reject) => {
    let cancel: Cancel = ALREADY_SETTLED;
    const kill = (): void => {
      cancel('kill');
      reject(signal.reason);
    };
    signal.addEventListener('abort', kill, { once: true });
    cancel = outbound(outgoing, (outcome) => {
      signal.removeEventListener('abort', kill);
      if (outcome.kind === 'failure') reject(new RelayError(outcome.failure));
      else resolve(fromTagged(JSON.parse(DECODER.decode(outcome.body))));
    });
  });
}

function failureOf(thrown: unknown, at: string, ports: ServicePorts | undefined): Failure {
  if (thrown instanceof RelayError) return thrown.failure;
  if (thrown instanceof ApplicationError) {
    return createFailure('application_error', thrown.message, at, {
      data: { value: jsonValue(thrown.value) },
    });
  }
  if (thrown instanceof Error) ports?.log?.(thrown.stack ?? thrown.message);
  return createFailure('internal_error', thrown instanceof Error ? thrown.message : String(thrown), at);
}

/** The `error` text of a thrown value, as in language.md §10. */
function textOfThrown(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'error' in value && typeof value.error === 'string') {
    return value.error;
  }
  return JSON.stringify(value) ?? 'nil';
}

/** As it would be after a trip over the wire, so that nothing alive leaves with a failure. */
function jsonValue(value: unknown): unknown {
  return JSON.parse(toJsonText(value, false));
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
