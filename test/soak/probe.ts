// Loaded into each node of a soak by `--import`: on SIGUSR2 it collects garbage and writes what is alive to the file that
// SOAK_PROBE_FILE names. A node does not know of it. SOAK_LEAK makes it leak one kind of thing, so that the soak can show that it
// finds each.

import { EventEmitter, getEventListeners } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { type Runtime, Session } from 'node:inspector';
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

/** What one look gives; bytes after a garbage collection, else counts. */
export interface Probed {
  readonly look: number;
  readonly heap: number;
  /** Outside of the heap of JavaScript: buffers. */
  readonly external: number;
  readonly handles: number;
  readonly timers: number;
  readonly listeners: number;
}

export type Leak = 'heap' | 'handles' | 'timers' | 'listeners';

/** About what a careless line per call would leave behind. */
const LEAK_EVERY_MS = 250;
const LEAK_BYTES = 131_072;

/** Where the functions that run among all living objects find their classes. */
const PROBE = Symbol.for('relay soak probe');
const Timeout = setTimeout(() => {}, 0).constructor;
const classes = { EventEmitter, AbortSignal, Timeout, getEventListeners };
type Count = (found: readonly unknown[], known: typeof classes) => number;

const COUNTS: Readonly<Record<'EventEmitter' | 'AbortSignal' | 'Timeout', Count>> = {
  EventEmitter: (emitters) => {
    let sum = 0;
    for (const emitter of emitters as EventEmitter[]) {
      // A prototype is among its own instances, and is none.
      if (!Object.hasOwn(emitter, '_events')) continue;
      for (const name of emitter.eventNames()) sum += emitter.listenerCount(name);
    }
    return sum;
  },
  AbortSignal: (signals, { AbortSignal, getEventListeners }) => {
    let sum = 0;
    for (const signal of signals as AbortSignal[]) {
      if (signal !== AbortSignal.prototype) sum += getEventListeners(signal, 'abort').length;
    }
    return sum;
  },
  Timeout: (timers) =>
    (timers as { _destroyed?: boolean }[]).filter((one) => one._destroyed === false).length,
};

type Counted = keyof typeof COUNTS;
const COUNTED = Object.keys(COUNTS) as Counted[];
const counts: Record<Counted, number> = { EventEmitter: 0, AbortSignal: 0, Timeout: 0 };

function look(number: number): Probed {
  // To find all objects of a class stops the node for some tenths of a second: one class at a time, after all at first.
  for (const name of number === 1 ? COUNTED : [COUNTED[number % COUNTED.length] as Counted]) {
    counts[name] = countLiving(name);
  }
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  return {
    look: number,
    heap: heapUsed,
    external,
    handles: resources.filter((name) => !/^(?:Timeout|Immediate|.*Req.*)$/.test(name)).length,
    timers: counts.Timeout,
    listeners: counts.EventEmitter + counts.AbortSignal,
  };
}

/** Runs the count of a class over all its living objects. It cannot see anything of this file: it travels as text. */
function countLiving(name: Counted): number {
  const session = new Session();
  session.connect();
  const known = `globalThis[Symbol.for(${JSON.stringify(PROBE.description)})]`;
  const objectGroup = 'probe';
  try {
    const prototype = ask<Runtime.EvaluateReturnType>(session, 'Runtime.evaluate', {
      expression: `${known}.${name}.prototype`,
      objectGroup,
    });
    const { objects } = ask<Runtime.QueryObjectsReturnType>(session, 'Runtime.queryObjects', {
      prototypeObjectId: prototype.result.objectId,
      objectGroup,
    });
    const { result, exceptionDetails } = ask<Runtime.CallFunctionOnReturnType>(
      session,
      'Runtime.callFunctionOn',
      {
        objectId: objects.objectId,
        functionDeclaration: `function () { return (${COUNTS[name]})(this, ${known}); }`,
        returnByValue: true,
      },
    );
    if (exceptionDetails !== undefined)
      throw new Error(`${name}: ${exceptionDetails.exception?.description}`);
    session.post('Runtime.releaseObjectGroup', { objectGroup });
    return Number(result.value);
  } finally {
    session.disconnect();
  }
}

/** In the thread that is asked the answer is there at once. */
function ask<T>(session: Session, method: string, params: object): T {
  let answer: unknown;
  session.post(method, params, (failed, found) => {
    if (failed !== null) throw failed;
    answer = found;
  });
  return answer as T;
}

/** Where what leaks is kept. */
const kept: unknown[] = [];
const emitter = new EventEmitter().setMaxListeners(0);

const LEAKING: Readonly<Record<Leak, () => void>> = {
  heap: () => kept.push(Array.from({ length: LEAK_BYTES / 8 }, (_, index) => index + 0.5)),
  handles: () => kept.push(createServer().listen(0, '127.0.0.1')),
  timers: () => kept.push(setTimeout(() => {}, 2 ** 30).unref()),
  listeners: () => emitter.on('anything', () => {}),
};

if (isMainThread && process.env['SOAK_PROBE_FILE'] !== undefined) {
  const file = process.env['SOAK_PROBE_FILE'];
  Object.defineProperty(globalThis, PROBE, { value: classes });
  let looks = 0;
  process.on('SIGUSR2', () => {
    const found = look(++looks);
    // Whole or not at all: who reads it looks all the time.
    writeFileSync(`${file}.new`, JSON.stringify(found));
    renameSync(`${file}.new`, file);
  });
  const leak = process.env['SOAK_LEAK'];
  if (leak !== undefined) setInterval(LEAKING[leak as Leak], LEAK_EVERY_MS);
}
