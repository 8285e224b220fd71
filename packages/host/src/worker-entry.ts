// The first file of a program's worker, and the only one here that reads real time. Puts the program together with its host, runs
// top-level code, then answers calls. Nothing of Node is within reach of the program: compiled code names only its own variables and
// the run time it is given.

import { randomUUID } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { display, fromJsonText, type Structs, toJsonText } from '@relay/language';
import { plainSettings } from './limits.ts';
import { ProgramHost } from './program-host.ts';
import { importProgram } from './program-module.ts';
import { ProgramSession } from './program-session.ts';
import { programErrorText } from './reply.ts';
import { createMemoryStore } from './state-store/memory.ts';
import type { OpenStateStore, StateStore, ValueCodec } from './state-store/state-store.ts';
import { Batch, type FromWorker, type ToWorker, type WorkerStart } from './worker-wire.ts';

const { start, killPort } = workerData as { readonly start: WorkerStart; readonly killPort: MessagePort };
const network = parentPort;
if (network === null) throw new Error('this file runs in a worker');

const now = (): number => performance.now();
const kills = new Int32Array(start.kills);
let killsSeen = 0;
let turnBegan = now();

/** A chain of messages that follow each other at once must let the thread take others now and then. */
const TURN_MS = 5;
/** Lines of output and replies collected before they leave, turn or not. */
const BATCH_SIZE = 1_024;

const batch = new Batch<FromWorker>();
let isFlushDue = false;

function flush(): void {
  isFlushDue = false;
  if (batch.isEmpty) return;
  const { messages, transfer } = batch.take();
  network?.postMessage(messages, transfer);
}

function post(message: FromWorker): void {
  if (message[0] === 'result') batch.handOver(message[2]);
  batch.add(message);
  if (batch.size >= BATCH_SIZE) flush();
  else if (!isFlushDue) {
    isFlushDue = true;
    setImmediate(flush);
  }
}

/** Called while the program computes: lets out what waits to leave, and learns of kills. */
function breathe(): void {
  flush();
  if (Atomics.load(kills, 0) === killsSeen) return;
  killsSeen = Atomics.load(kills, 0);
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
  };
  const module = (await import(store.url)) as { readonly openStateStore: OpenStateStore };
  return module.openStateStore(store.options, codec);
}

const session = new ProgramSession(post, now);

async function main(): Promise<void> {
  const store = await openStore(() => host.runtime.structs);
  const host: ProgramHost = new ProgramHost(
    {
      now,
      wallNow: () => Date.now(),
      after,
      schedule,
      breathe,
      random: () => Math.random(),
      uuid: () => randomUUID(),
      print: (line) => post(['print', line]),
      log: (level, line) => post(['log', level, line]),
      store,
      onStoreFailed: die,
      sendOutside: start.hasOutside ? (message, settle) => session.sendOutside(message, settle) : undefined,
    },
    { limits: start.limits, timeoutMs: start.timeoutMs },
  );
  session.attach(host);
  network?.on('message', (messages: readonly ToWorker[]) => {
    turnBegan = now();
    for (const message of messages) {
      if (message[0] === 'close') void close(host, store);
      else session.handle(message);
    }
  });
  try {
    const result = await host.run(await importProgram(start.code));
    const shown = result === null ? undefined : display(result);
    post(['ready', shown, plainSettings(host.settings), host.limits.timeMs]);
  } catch (thrown) {
    post(['broken', programErrorText(thrown)]);
  }
}

async function close(host: ProgramHost, store: StateStore): Promise<void> {
  host.servers.stop();
  await host.servers.durable();
  store.close();
  post(['closed']);
}

void main().catch(die);
