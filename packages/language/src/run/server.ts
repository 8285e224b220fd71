// Servers from inside the program: definition, state, direct calls and sends. Waiting, queues and commits are the host's.

import { assertData, bindArguments, foreignText } from './bind.ts';
import { payDebt } from './debt.ts';
import type { Effects, Message, ReceiveDefinition, SendArguments, ServerDefinition } from './effects.ts';
import { BudgetExceeded, FailedSend, normalizeFailure, RuntimeFailure, Thrown } from './failure.ts';
import { fit, misfitText } from './fit.ts';
import { display, measure } from './inspect.ts';
import type { RuntimeType, Structs } from './type.ts';
import { ObjectValue, ServerValue, type Value } from './value.ts';

/** As compiled code gives it; `run` is the bare body. */
export interface CompiledReceive extends Omit<ReceiveDefinition, 'run'> {
  readonly run: (message: Message, ...args: Value[]) => Value | Promise<Value>;
}

export interface CompiledServer {
  readonly name: string;
  readonly implements: string | undefined;
  readonly fields: readonly { readonly name: string; readonly type: RuntimeType | undefined }[];
  readonly receives: readonly ReceiveDefinition[];
}

export type Protocols = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The body with what every message needs around it: whose effect counts, and a result that may leave. */
export function defineReceive(compiled: CompiledReceive): ReceiveDefinition {
  const { run: body } = compiled;
  const definition: ReceiveDefinition = {
    ...compiled,
    run: (message, ...args) => {
      message.entered ??= definition;
      try {
        const result = body(message, ...args);
        if (!(result instanceof Promise)) return checkResult(message, result);
        return result.then(
          (value) => checkResult(message, value),
          (thrown: unknown) => {
            throw leaving(message, thrown);
          },
        );
      } catch (thrown) {
        throw leaving(message, thrown);
      }
    },
  };
  return definition;
}

/** A thrown value leaves as a result does: as data, and not larger than one may be. */
function leaving(message: Message, thrown: unknown): unknown {
  const failure = normalizeFailure(thrown);
  if (!(failure instanceof Thrown)) return failure;
  try {
    checkResult(message, failure.value);
    return failure;
  } catch (refused) {
    if (refused instanceof RuntimeFailure) refused.place ??= failure.place;
    return refused;
  }
}

function checkResult(message: Message, result: Value): Value {
  assertData(result);
  limitBytes(message, result);
  return result;
}

function limitBytes(message: Message, value: Value): void {
  if (measure(value).bytes > message.budgets.valueBytes) throw new BudgetExceeded('value size');
}

export function startServer(
  message: Message,
  compiled: CompiledServer,
  initials: readonly Value[],
  effects: Effects,
  structs: Structs,
  protocols: Protocols,
): ServerValue {
  const receives = new Map(compiled.receives.map((receive) => [receive.name, receive]));
  if (compiled.implements !== undefined) {
    checkProtocol(compiled.name, receives, compiled.implements, protocols);
  }
  const fields = compiled.fields.map((field, at) => {
    const initial = checkField(message, field, initials[at]!, structs);
    return { ...field, initial };
  });
  const definition: ServerDefinition = { name: compiled.name, fields, receives };
  return new ServerValue(compiled.name, effects.startServer(definition));
}

function checkProtocol(
  server: string,
  receives: ReadonlyMap<string, ReceiveDefinition>,
  name: string,
  protocols: Protocols,
): void {
  const protocol = protocols.get(name);
  if (protocol === undefined) throw new RuntimeFailure(`undefined protocol: ${name}`);
  for (const [method, count] of protocol) {
    const found = receives.get(method)?.params.length;
    if (found === undefined) {
      throw new RuntimeFailure(`server '${server}' does not implement '${method}' of protocol ${name}`);
    }
    if (found !== count) {
      const text = `server '${server}' implements '${method}' of protocol ${name}`;
      throw new RuntimeFailure(`${text} with ${found} parameters instead of ${count}`);
    }
  }
}

/** Data that fits the declared type, as it is kept. Nil always may be. */
function checkField(
  message: Message,
  field: CompiledServer['fields'][number],
  value: Value,
  structs: Structs,
): Value {
  if (value === null) return null;
  const { foreign } = measure(value);
  if (foreign !== undefined) throw new RuntimeFailure(`state field '${field.name}' cannot hold a ${foreign}`);
  let kept: Value = value;
  if (field.type !== undefined) {
    const found = fit(value, field.type, structs);
    if (!found.ok) throw new RuntimeFailure(`state field ${misfitText(field.name, found)}`);
    kept = found.value;
  }
  limitBytes(message, kept);
  return kept;
}

/** State before the first message. */
export function initialState(definition: ServerDefinition): ObjectValue {
  return ObjectValue.from(definition.fields.map(({ name, initial }) => [name, initial]));
}

/** `state.set(k, v)`. */
export function setState(message: Message, key: Value, value: Value, structs: Structs): Value {
  const { server, state } = message;
  if (server === undefined || state === undefined) throw new RuntimeFailure('undefined variable: state');
  if (message.entered !== undefined && message.entered.level !== 'writes') {
    throw new RuntimeFailure('effect violation');
  }
  if (typeof key !== 'string') throw new RuntimeFailure('state key must be a string');
  const field = server.fields.find(({ name }) => name === key);
  if (field === undefined) {
    const declared = server.fields.map(({ name }) => name).join(', ');
    throw new RuntimeFailure(`server '${server.name}' has no state field '${key}'; declared: ${declared}`);
  }
  const kept = checkField(message, field, value, structs);
  payDebt(message);
  const next = state.set(key, kept);
  if (next !== state && measure(next).bytes > message.budgets.stateBytes)
    throw new BudgetExceeded('value size');
  message.state = next;
  return kept;
}

/** A bare `m(…)` inside its server. */
export function callDirectly(
  message: Message,
  receive: ReceiveDefinition,
  values: readonly Value[],
  structs: Structs,
): Value | Promise<Value> {
  const binding = bindArguments(receive, { kind: 'positional', values }, structs);
  payDebt(message);
  if (!binding.ok) throw new RuntimeFailure(binding.error);
  return receive.run(message, ...binding.values);
}

export function sendMessage(
  message: Message,
  target: string,
  method: string,
  args: SendArguments,
  effects: Effects,
  structs: Structs,
): Value | Promise<Value> {
  if (message.server?.name === target) return sendToSelf(message, message.server, method, args, structs);
  if (message.entered !== undefined && message.entered.effect !== 'calls') {
    throw new RuntimeFailure('effect violation');
  }
  message.sends -= 1;
  if (message.sends < 0) throw new BudgetExceeded('sends');
  for (const value of args.kind === 'named' ? args.value.values() : args.values) {
    const { foreign } = measure(value);
    if (foreign !== undefined) throw badArguments(foreignText(foreign));
    limitBytes(message, value);
  }
  return effects.send(message, target, method, args);
}

function badArguments(error: string): FailedSend {
  return new FailedSend({ error, code: 'bad_arguments', executed: 'no' });
}

/** A direct call that raises failed sends. */
function sendToSelf(
  message: Message,
  server: ServerDefinition,
  method: string,
  args: SendArguments,
  structs: Structs,
): Value | Promise<Value> {
  const receive = server.receives.get(method);
  if (receive === undefined) {
    const error = `server '${server.name}' has no method '${method}'`;
    throw new FailedSend({ error, code: 'unknown_method', executed: 'no' });
  }
  const binding = bindArguments(receive, args, structs);
  payDebt(message);
  if (!binding.ok) throw badArguments(binding.error);
  try {
    const result = receive.run(message, ...binding.values);
    if (!(result instanceof Promise)) return result;
    return result.catch((thrown: unknown) => {
      throw failedHandler(thrown);
    });
  } catch (thrown) {
    throw failedHandler(thrown);
  }
}

/** What the caller of a handler sees of how it ended. Exceeded budgets are for the caller of the message: left as they are. */
export function failedHandler(thrown: unknown): unknown {
  if (thrown instanceof Thrown) {
    const { value } = thrown;
    return new FailedSend({ error: thrownText(value), code: 'thrown', executed: 'yes', data: value });
  }
  if (thrown instanceof RuntimeFailure || thrown instanceof FailedSend) {
    return new FailedSend({ error: thrown.message, code: 'failed', executed: 'yes' });
  }
  return thrown;
}

/** The `error` of a handler that threw `v`: a string, the field `error` if it is one, or the display form. */
export function thrownText(value: Value): string {
  if (typeof value === 'string') return value;
  const field = value instanceof ObjectValue ? value.get('error') : undefined;
  return typeof field === 'string' ? field : display(value);
}
