// The first file of a program's worker, and the only one here that reads real time. Puts the program together with its host, runs
// top-level code, then answers calls. Nothing of Node is within reach of the program: compiled code names only its own variables and
// the run time it is given.

import { randomUUID } from 'node:crypto';
import v8 from 'node:v8';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { BudgetExceeded, fromJsonText, type Structs, toJsonText, typedObject } from '@relay/language';
import { KeyedMessages } from './idempotency/keyed-messages.ts';
import { plainSettings } from './limits.ts';
import { importPages } from './page-module.ts';
import { ProgramHost } from './program-host.ts';
import { ProgramMeter } from './program-meter.ts';
import { importProgram } from './program-module.ts';
import { ProgramSession } from './program-session.ts';
import { programErrorText, shownValue } from './reply.ts';
import { createMemoryStore } from './state-store/memory.ts';
import {
  type OpenStateStore,
  type StateStore,
  StateUnreadable,
  type ValueCodec,
} from './state-store/state-store.ts';
import {
  Batch,
  type FromWorker,
  KILLS,
  OUTPUT_TAKEN,
  outputUnits,
  type ToWorker,
  type WorkerStart,
} from './worker-wire.ts';

const { start, killPort } = workerData as { readonly start: WorkerStart; readonly killPort: MessagePort };
const network = parentPort;
if (network === null) throw new Error('this file runs in a worker');

const now = (): number => performance.now();
const counters = new Int32Array(start.counters);
const meter = new ProgramMeter(start.figures);
let killsSeen = 0;
let turnBegan = now();

/** A chain of messages that follow each other at once must let the thread take others now and then. */
const TURN_MS = 5;
/** Lines of output and replies collected before they leave, turn or not. */
const BATCH_SIZE = 1_024;
/** Output that the network thread has not taken yet; who writes more waits for it. */
const OUTPUT_AHEAD_UNITS = 4 * 1024 * 1024;
let outputUnitsWritten = 0;
/** Of the memory bound, how much may be left in use by those who met it. */
const LEFT_SHARE = 7 / 8;
/** There by the flag that the network thread sets; nobody else in this thread gets it. */
const collectGarbage = globalThis.gc;
globalThis.gc = undefined;

const batch = new Batch<FromWorker>();
let isFlushDue = false;

function flush(): void {
  isFlushDue = false;
  if (batch.isEmpty) return;
  const { messages, transfer } = batch.take();
  network?.postMessage(messages, transfer);
}

function post(message: FromWorker): void {
  if ((message[0] === 'result' || message[0] === 'page') && message[2] !== null) batch.handOver(message[2]);
  batch.add(message);
  if (batch.size >= BATCH_SIZE) flush();
  else if (!isFlushDue) {
    isFlushDue = true;
    setImmediate(flush);
  }
}

/** A program that prints faster than anyone reads must not fill the memory of the node. */
function write(message: Extract<FromWorker, readonly ['print' | 'log', ...unknown[]]>): void {
  outputUnitsWritten = (outputUnitsWritten + outputUnits(message.at(-1) as string)) | 0;
  post(message);
  for (;;) {
    const taken = Atomics.load(counters, OUTPUT_TAKEN);
    if (((outputUnitsWritten - taken) | 0) < OUTPUT_AHEAD_UNITS) return;
    flush();
    Atomics.wait(counters, OUTPUT_TAKEN, taken, 1_000);
  }
}

/** Called while the program computes: lets out what waits to leave, looks at memory, and learns of kills. */
function breathe(): void {
  flush();
  // Near its bound V8 collects over and over before it gives up; whoever finds the heap that full is ended first. A message may have
  // left garbage that nobody has collected yet, which is not held against the next one. What is left has to be clearly less, or
  // all time would go into collecting.
  if (v8.getHeapStatistics().used_heap_size > start.memoryBytes) {
    collectGarbage?.();
    if (v8.getHeapStatistics().used_heap_size > start.memoryBytes * LEFT_SHARE)
      throw new BudgetExceeded('memory');
  }
  if (Atomics.load(counters, KILLS) === killsSeen) return;
  killsSeen = Atomics.load(counters, KILLS);
  for (let got = receiveMessageOnPort(killPort); got !== undefined; got = receiveMessageOnPort(killPort)) {
    session.kill(got.message as number);
  }
}

function schedule(run: () => void): void {
  if (now() - turnBegan < TURN_MS) {
    queueMicrotask(run);
    return;
  }
  setImmediate(() => {
    turnBegan = now();
    run();
  });
}

function after(delayMs: number, run: () => void): Disposable {
  // What is longer than a timer can count waits for the caller to give up.
  const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** An error nobody handles ends the worker; the network thread learns of it and starts another. */
function die(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

async function openStore(readStructs: () => Structs): Promise<StateStore> {
  const { store } = start;
  if (store.kind === 'memory') return createMemoryStore();
  const codec: ValueCodec = {
    encode: (value) => toJsonText(value, { tagged: true }),
    decode: (text) => fromJsonText(text, { tagged: true, structs: readStructs() }),
    revive: (object) => typedObject(object, readStructs(), true),
  };
  const module = (await import(store.url)) as { readonly openStateStore: OpenStateStore };
  return module.openStateStore(store.options, codec, {
    now,
    committed: (ms) => meter.committed(ms),
    failed: (operation) => meter.storeFailed(operation),
  });
}

const session = new ProgramSession(post, now, start.memoryBytes);

async function main(): Promise<void> {
  let store: StateStore;
  try {
    store = await openStore(() => host.runtime.structs);
  } catch (thrown) {
    if (!(thrown instanceof StateUnreadable)) throw thrown;
    post(['broken', thrown.message]);
    return;
  }
  const host: ProgramHost = new ProgramHost(
    {
      now,
      wallNow: () => Date.now(),
      after,
      schedule,
      breathe,
      random: () => Math.random(),
      uuid: () => randomUUID(),
      print: (line) => write(['print', line]),
      log: (level, line) => write(['log', level, line]),
      reportHealth: (server, isHealthy) => post(['health', server, isHealthy]),
      store,
      meter,
      onStoreFailed: die,
      sendOutside: start.hasOutside ? (message, settle) => session.sendOutside(message, settle) : undefined,
    },
    { limits: start.limits, timeoutMs: start.timeoutMs },
  );
  const keyed = new KeyedMessages({
    find: (id) => store.findOutcome(id),
    wallNow: () => Date.now(),
    count: (result) => post(['keyed', result]),
  });
  session.attach(host, keyed);
  network?.on('message', (messages: readonly ToWorker[]) => {
    turnBegan = now();
    for (const message of messages) {
      if (message[0] === 'close') void close(host, store);
      else session.handle(message);
    }
  });
  try {
    const result = await host.run(await importProgram(start.code));
    await host.servers.durable();
    if (start.pages !== undefined) host.pages.use(await importPages(start.pages));
    const shown = result === null ? undefined : shownValue(result);
    post(['ready', shown, plainSettings(host.settings), host.limits.timeMs]);
  } catch (thrown) {
    post(['broken', programErrorText(thrown)]);
  }
}

async function close(host: ProgramHost, store: StateStore): Promise<void> {
  host.servers.stop();
  // Whoever waited for what could not be saved has been told.
  await host.servers.durable().catch(() => {});
  store.close();
  post(['closed']);
}

void main().catch(die);
