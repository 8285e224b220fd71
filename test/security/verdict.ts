// What answers a node may never give, whatever it was asked.

import type { Reply } from './exchange.ts';

/** What a refusal of a stranger's bytes may be; 0: the connection is closed without a word. */
export const REFUSED = [0, 400, 403, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431];

/** One line of the report. */
export interface Row {
  readonly target: string;
  readonly attack: string;
  readonly requests: number;
  /** Each distinct answer that came, and how often. */
  readonly answers: ReadonlyMap<string, number>;
  readonly findings: readonly string[];
}

/** Names of files and places in the code; a program's own place is `FILE.rl:LINE:COL`. */
const INTERNALS = /node:internal|\bat (?:\S+ )?\(?(?:file:|\/)\S+:\d+|\.ts:\d+|node_modules/;

/** Collects what one kind of attack gave at one target. */
export class Tally {
  #requests = 0;
  readonly #answers = new Map<string, number>();
  readonly #findings: string[] = [];
  readonly #target: string;
  readonly #attack: string;

  constructor(target: string, attack: string) {
    this.#target = target;
    this.#attack = attack;
  }

  /** Notes an answer, with everything that is wrong with it in any case. `allowed`: what this request may give. */
  reply(what: string, reply: Reply, allowed?: readonly number[]): void {
    this.note(String(reply.status));
    const bad = badIn(reply);
    if (bad !== undefined) this.finding(`${what}: ${bad}`);
    else if (allowed !== undefined && !allowed.includes(reply.status)) {
      this.finding(
        `${what}: answered ${reply.status}, not ${allowed.join(' or ')}: ${reply.body.slice(0, 200)}`,
      );
    }
  }

  /** Notes an outcome that is no HTTP answer. */
  note(answer: string): void {
    this.#requests += 1;
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
  }

  expect(what: string, isRight: boolean, got: unknown): void {
    if (!isRight) this.finding(`${what}: ${typeof got === 'string' ? got : JSON.stringify(got)}`);
  }

  finding(text: string): void {
    this.#findings.push(text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 400));
  }

  row(): Row {
    return {
      target: this.#target,
      attack: this.#attack,
      requests: this.#requests,
      answers: this.#answers,
      findings: this.#findings,
    };
  }
}

/** Undefined for an answer that a node may give. */
function badIn({ status, headers, body }: Reply): string | undefined {
  if (INTERNALS.test(body)) return `the answer tells of the code: ${body.slice(0, 200)}`;
  if (status === 503) {
    const isProbe = body.includes('"not_ready"');
    return isProbe || headers.has('retry-after')
      ? undefined
      : `503 without a Retry-After: ${body.slice(0, 200)}`;
  }
  if (status >= 500) return `answered ${status}: ${body.slice(0, 200)}`;
  if (/"code":"internal_error"/.test(body) && !/budget|\.rl:\d+/.test(body))
    return `internal error: ${body.slice(0, 200)}`;
  return undefined;
}
