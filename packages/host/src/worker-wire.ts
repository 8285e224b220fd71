// What the network thread and the worker of a program tell each other. One turn of either side is one postMessage: an array of
// messages, each an array that begins with its kind. Flat arrays of texts and numbers are what structured clone copies fastest.

import type { Executed } from '@relay/language';
import type { Begun, CancelMode, Failure } from '@relay/protocol';

/** JSON text, or its UTF-8 bytes where those are many: bytes are handed over without copying. */
export type WireBody = string | Uint8Array;

/** `plain`: datetimes as ISO texts, for HTTP, P2P and SDK callers; `tagged`: for programs. */
export type JsonForm = 'plain' | 'tagged';

export type ToWorker =
  | readonly [
      kind: 'call',
      id: number,
      service: string,
      method: string,
      params: WireBody,
      form: JsonForm,
      timeoutMs: number,
      /** As texts joined by blanks, which no server name or address contains. */
      callPath: string,
      traceparent: string,
      /** Caller, service, method and key as a text, of a call with an idempotency key. */
      scope: string | undefined,
    ]
  | readonly [kind: 'cancel', id: number, mode: CancelMode]
  /** The outcome of a call that left the program. */
  | readonly [kind: 'result', id: number, body: WireBody]
  | readonly [kind: 'failure', id: number, failure: Failure]
  | readonly [
      kind: 'page',
      id: number,
      /** As its template declares it. */
      path: string,
      /** JSON text of an array in the tagged form. */
      args: string,
      timeoutMs: number,
      traceparent: string,
    ]
  /** The module of pages from now on. */
  | readonly [kind: 'pages', code: string]
  | readonly [kind: 'ping', number: number]
  | readonly [kind: 'close'];

export type FromWorker =
  /** Top-level code has run. `settings` is the merged config, `timeMs` the time budget of a message that came of it. */
  | readonly [kind: 'ready', result: string | undefined, settings: unknown, timeMs: number]
  /** Top-level code failed. */
  | readonly [kind: 'broken', error: string]
  | readonly [kind: 'print', line: string]
  | readonly [kind: 'log', level: LogLevel, line: string]
  | readonly [kind: 'result', id: number, body: WireBody]
  | readonly [
      kind: 'failure',
      id: number,
      name: string,
      message: string,
      executed: Executed,
      /** JSON text of the thrown value. */
      value: string | undefined,
      limitName: string | undefined,
      limitMax: number,
    ]
  | readonly [
      kind: 'send',
      id: number,
      target: string,
      method: string,
      params: string,
      timeoutMs: number,
      callPath: string,
      traceparent: string,
    ]
  | readonly [kind: 'cancel-send', id: number, mode: CancelMode]
  /** The text of a page; null if its function gave nil for its parameters. */
  | readonly [kind: 'page', id: number, body: WireBody | null]
  /** What became of a call with an idempotency key. */
  | readonly [kind: 'keyed', result: Begun['kind']]
  /** A server has said how it is. */
  | readonly [kind: 'health', server: string, isHealthy: boolean]
  | readonly [kind: 'pong', number: number]
  | readonly [kind: 'closed'];

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What a worker gets when it starts. */
export interface WorkerStart {
  /** ES module text of the compiled program. */
  readonly code: string;
  /** The same for its pages; undefined if it has none. */
  readonly pages: string | undefined;
  readonly limits: Readonly<Record<string, number>>;
  readonly timeoutMs: number | undefined;
  readonly store:
    | { readonly kind: 'memory' }
    | { readonly kind: 'module'; readonly url: string; readonly options: unknown };
  /** False: sends to servers that are not in the program fail at once. */
  readonly hasOutside: boolean;
  /** Top-level code, or a message, that finds the heap fuller than this is ended. */
  readonly memoryBytes: number;
  /**
   * Two counters. `KILLS`: so that a computing handler need not look at its port to learn that there are none. `OUTPUT_TAKEN`: UTF-16
   * units of `print` and `log` that the network thread has passed on; the worker does not run far ahead of it.
   */
  readonly counters: SharedArrayBuffer;
  /** Memory of a `ProgramMeter`. */
  readonly figures: SharedArrayBuffer;
}

export const KILLS = 0;
export const OUTPUT_TAKEN = 1;

export function createCounters(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** What a line of output counts for: its text and what carries it. */
export function outputUnits(line: string): number {
  return line.length + 64;
}

/** Smaller bodies travel as text: copying them costs less than handing over a buffer. */
export const TEXT_BODY_BYTES = 16_384;

/** A batch and what of it is handed over rather than copied. */
export class Batch<Message extends readonly unknown[]> {
  #messages: Message[] = [];
  #transfer: ArrayBuffer[] = [];

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  get size(): number {
    return this.#messages.length;
  }

  add(message: Message): void {
    this.#messages.push(message);
  }

  /** Marks the bytes of a body in this batch for handing over; they must be alone in their buffer. */
  handOver(body: WireBody): void {
    if (typeof body !== 'string') this.#transfer.push(body.buffer as ArrayBuffer);
  }

  take(): { readonly messages: readonly Message[]; readonly transfer: ArrayBuffer[] } {
    const taken = { messages: this.#messages, transfer: this.#transfer };
    this.#messages = [];
    this.#transfer = [];
    return taken;
  }
}

/** Many bytes as a copy that can be handed over, few as text. */
export function packBytes(bytes: Uint8Array): WireBody {
  // Not `slice`: that of a Buffer copies nothing, and the pool that it lies in cannot be handed over.
  return bytes.byteLength <= TEXT_BODY_BYTES ? DECODER.decode(bytes) : new Uint8Array(bytes);
}

/** As `packBytes`, for text: three bytes are the most a UTF-16 unit takes, but text is mostly one. */
export function packText(text: string): WireBody {
  return text.length <= TEXT_BODY_BYTES ? text : ENCODER.encode(text);
}

export function bytesOf(body: WireBody): Uint8Array {
  return typeof body === 'string' ? ENCODER.encode(body) : body;
}

export function textOfBody(body: WireBody): string {
  return typeof body === 'string' ? body : DECODER.decode(body);
}

export function joinPath(path: readonly string[]): string {
  return path.join(' ');
}

export function splitPath(text: string): readonly string[] {
  return text === '' ? [] : text.split(' ');
}

// Bytes of a call are what its sender says; a byte-order mark is not skipped silently, and what is no UTF-8 shows as U+FFFD.
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });
const ENCODER = new TextEncoder();
