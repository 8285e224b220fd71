// The first file of a session's worker: runs one unit after the other in one run time, with one message, so that all of them are
// parts of one program. An endless one is ended by a counter that computing code looks at.

import { randomUUID } from 'node:crypto';
import v8 from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { BudgetExceeded, runProgram, topLevelBudgets } from '@relay/language';
import { Killed, MessageContext } from './message-context.ts';
import { ProgramHost } from './program-host.ts';
import { importProgram } from './program-module.ts';
import {
  type FromReplWorker,
  INTERRUPTS,
  type ReplWorkerStart,
  TAKEN,
  type ToReplWorker,
} from './repl-wire.ts';
import { programErrorText, shownValue } from './reply.ts';
import { createMemoryStore } from './state-store/memory.ts';

const start = workerData as ReplWorkerStart;
const port = parentPort;
if (port === null) throw new Error('this file runs in a worker');

const counters = new Int32Array(start.counters);
const now = (): number => performance.now();
const BATCH_SIZE = 256;
/** Messages that wait to be shown; whoever prints more waits too. */
const AHEAD = 4_096;

let outgoing: FromReplWorker[] = [];
let sent = 0;
let isFlushDue = false;
let interruptsSeen = 0;
/** The unit that runs. */
let running: MessageContext | undefined;

function flush(): void {
  isFlushDue = false;
  if (outgoing.length === 0) return;
  sent = (sent + outgoing.length) | 0;
  port?.postMessage(outgoing);
  outgoing = [];
}

function post(message: FromReplWorker): void {
  outgoing.push(message);
  if (outgoing.length >= BATCH_SIZE) flush();
  else if (!isFlushDue) {
    isFlushDue = true;
    setImmediate(flush);
  }
}

function write(message: FromReplWorker): void {
  post(message);
  for (;;) {
    const taken = Atomics.load(counters, TAKEN);
    if (((sent - taken) | 0) < AHEAD) return;
    Atomics.wait(counters, TAKEN, taken, 1_000);
  }
}

function breathe(): void {
  flush();
  if (v8.getHeapStatistics().used_heap_size > start.memoryBytes) throw new BudgetExceeded('memory');
  learnOfInterrupts();
}

/** Ends the unit, or what it waits for. */
function learnOfInterrupts(): void {
  const interrupts = Atomics.load(counters, INTERRUPTS);
  if (interrupts === interruptsSeen) return;
  interruptsSeen = interrupts;
  if (running === undefined) return;
  running.kill();
  running.message.steps = 0;
}

const host = new ProgramHost({
  now,
  wallNow: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
  schedule: (run) => void setImmediate(run),
  breathe,
  random: () => Math.random(),
  uuid: () => randomUUID(),
  print: (line) => write({ kind: 'print', line }),
  log: (level, line) => write({ kind: 'log', level, line }),
  store: createMemoryStore(),
  onStoreFailed: (error) => {
    throw error;
  },
  sendOutside: undefined,
});

// Closures may change what they captured only while the message is the one that made them: all units have the same.
const context = new MessageContext({
  budgets: topLevelBudgets(host.limits),
  server: undefined,
  state: undefined,
  callPath: [],
  deadline: Infinity,
  traceparent: '',
  now,
  breathe,
});
const { depth } = context.message;

async function run(id: number, code: string): Promise<void> {
  // An error leaves calls open that nobody returns from.
  context.message.depth = depth;
  context.isKilled = false;
  running = context;
  try {
    const value = await runProgram(await importProgram(code), host.runtime, context.message);
    post({ kind: 'done', id, shown: shownValue(value) });
  } catch (thrown) {
    const isInterrupted = thrown instanceof Killed || context.isKilled;
    post(
      isInterrupted ? { kind: 'interrupted', id } : { kind: 'failed', id, error: programErrorText(thrown) },
    );
  } finally {
    running = undefined;
    context.isKilled = false;
  }
}

port.on('message', (message: ToReplWorker) => {
  if (message.kind === 'run') {
    interruptsSeen = message.interrupts;
    void run(message.id, message.code);
  } else learnOfInterrupts();
});
