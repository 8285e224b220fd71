// A result that comes in parts has been an outcome since its first part, but how it ended is known with the last one. Whoever counts
// looks on from here.

import type { Body, BodyRest, BodySink, CancelMode, Failure } from '@relay/protocol';

/** `whole`: every part has come. `unwanted`: its taker has left. Otherwise why the rest did not come. */
export type RestEnd = 'whole' | 'unwanted' | Failure;

export class WatchedRest implements BodyRest, BodySink {
  readonly #rest: BodyRest;
  #onEnd: ((end: RestEnd) => void) | undefined;
  #sink: BodySink | undefined;

  /** `onEnd` is told once. */
  constructor(rest: BodyRest, onEnd: (end: RestEnd) => void) {
    this.#rest = rest;
    this.#onEnd = onEnd;
  }

  get canRepeat(): boolean {
    return this.#rest.canRepeat;
  }

  pass(sink: BodySink): void {
    this.#sink = sink;
    this.#rest.pass(this);
  }

  passed(bytes: number): void {
    this.#rest.passed(bytes);
  }

  whole(done: (body: Body) => void): void {
    this.#rest.whole((body) => {
      this.#end('whole');
      done(body);
    });
  }

  stop(mode: CancelMode): void {
    this.#end('unwanted');
    this.#rest.stop(mode);
  }

  part(part: Body, isLast: boolean): void {
    if (isLast) this.#end('whole');
    this.#sink?.part(part, isLast);
  }

  fail(failure: Failure): void {
    this.#end(failure);
    this.#sink?.fail(failure);
  }

  #end(end: RestEnd): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(end);
  }
}
