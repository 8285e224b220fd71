// A page of the documentation as something to follow. A comment in front of a block says what becomes of it, and is not seen by readers:
//   <!-- test -->             the commands run and must succeed
//   <!-- test fails -->       the commands run and must fail
//   <!-- test background -->  the command stays running from here on
//   <!-- test file NAME -->   the block is saved as NAME
//   <!-- test stop WORD -->   (no block) ends the background command that contains WORD, as Ctrl+C does
//   <!-- expect -->           what the block before printed; `…` stands for anything in a line, alone on a line for any lines

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, type StartedProcess, startProcess, waitFor } from '@relay/testkit';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Step =
  | { readonly kind: 'run'; readonly command: string; readonly isFailure: boolean; expected?: string }
  | { readonly kind: 'background'; readonly command: string; expected?: string }
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'stop'; readonly word: string }
  /** A block of commands that no comment marks; a reader would type it all the same. */
  | { readonly kind: 'unmarked'; readonly command: string };

const BLOCK =
  /<!-- test stop (\S+) -->|(?:<!-- (test|expect)([^>]*?) -->\s*?\n+)?^```(\w*)\n([\s\S]*?)^```$/gm;

/** What a page tells its reader to do, in order. Throws for a comment that means nothing. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  for (const [, word, mark, more = '', language, text = ''] of page.matchAll(BLOCK)) {
    if (word !== undefined) {
      steps.push({ kind: 'stop', word });
      continue;
    }
    const what = more.trim();
    if (mark === 'expect') {
      const last = steps.at(-1);
      if (last?.kind !== 'run' && last?.kind !== 'background') throw new Error(`nothing printed:\n${text}`);
      last.expected = text;
    } else if (mark === undefined) {
      if (language === 'sh') steps.push({ kind: 'unmarked', command: text.trim() });
    } else if (what === '' || what === 'fails') {
      steps.push({ kind: 'run', command: text.trim(), isFailure: what === 'fails' });
    } else if (what === 'background') {
      steps.push({ kind: 'background', command: text.trim() });
    } else if (what.startsWith('file ')) {
      steps.push({ kind: 'file', name: what.slice(5), text });
    } else {
      throw new Error(`a comment that means nothing: test ${what}`);
    }
  }
  return steps;
}

/** Whether `output` is what the page shows. */
export function isAsShown(output: string, shown: string): boolean {
  const lines = shown.trimEnd().split('\n');
  const pattern = lines.map((line) =>
    line.trim() === '…' ? '(?:.*\\n)*?' : `${line.trimEnd().split('…').map(literal).join('.*')}[ \\t]*\\n`,
  );
  return new RegExp(`^${pattern.join('')}\\s*$`).test(`${output.trimEnd()}\n`);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Follows a page in an empty folder that has the launcher and the examples, with other ports than those written there. */
export async function follow(file: string): Promise<{ readonly commands: number }> {
  const steps = stepsOf(readFileSync(path.join(ROOT, file), 'utf8'));
  await using reader = new Reader(await otherPorts(steps));
  for (const step of steps) await reader.take(step);
  return { commands: steps.filter(({ kind }) => kind === 'run' || kind === 'background').length };
}

/** Failures of a call that certainly did not run, which a reader who types does not see: services need a moment to be known. */
const NOT_YET = /"?(?:service_not_found|node_not_found|no_healthy_instance|peer_unreachable)"?/;

class Reader {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'relay-page-'));
  readonly #ports: ReadonlyMap<string, string>;
  readonly #background: { readonly command: string; readonly process: StartedProcess }[] = [];

  constructor(ports: ReadonlyMap<string, string>) {
    this.#ports = ports;
    for (const name of ['relay', 'scripts', 'examples', 'node_modules']) {
      symlinkSync(path.join(ROOT, name), path.join(this.#folder, name));
    }
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'file': {
        const file = path.join(this.#folder, step.name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, this.#withPorts(step.text));
        return;
      }
      case 'background':
        return this.#keepRunning(step.command, step.expected);
      case 'run':
        return this.#run(step.command, step.isFailure, step.expected);
      case 'stop': {
        const found = this.#background.find(({ command }) => command.includes(step.word));
        assert.ok(found !== undefined, `nothing runs with ${step.word}`);
        found.process.kill('SIGINT');
        assert.equal((await found.process.exited).code, 0, found.command);
        return;
      }
      case 'unmarked':
        return;
    }
  }

  async #keepRunning(command: string, expected: string | undefined): Promise<void> {
    const node = this.#start(`exec ${command}`);
    this.#background.push({ command, process: node });
    if (expected === undefined) {
      await node.waitForLine(/^Press Ctrl\+C to stop$/, 40_000);
      if (command.includes('-connect')) await node.waitForLine(/^Connected to Main Relay/, 40_000);
      return;
    }
    const shown = `${this.#withPorts(expected).trimEnd()}\n…`;
    const output = (): string => node.stdout.join('\n');
    await waitFor(() => isAsShown(output(), shown), { limitMs: 40_000 }).catch(() => {
      assert.fail(`${command}\nprinted\n${output()}\n${node.stderr.join('\n')}\ninstead of\n${shown}`);
    });
  }

  async #run(command: string, isFailure: boolean, expected: string | undefined): Promise<void> {
    let output = '';
    let code: number | null = null;
    const attempt = async (): Promise<boolean> => {
      await using run = this.#start(`exec 2>&1\n${command}`);
      code = (await run.exited).code;
      output = run.stdout.join('\n');
      return isFailure || !NOT_YET.test(output);
    };
    await waitFor(attempt, { limitMs: 20_000, what: command }).catch(() => {});
    const report = `${command}\n${output}`;
    if (isFailure) assert.notEqual(code, 0, report);
    else {
      assert.equal(code, 0, report);
      assert.doesNotMatch(output, /"error":\{/, report);
    }
    if (expected === undefined) return;
    const shown = this.#withPorts(expected);
    assert.ok(isAsShown(output, shown), `${report}\ninstead of\n${shown}`);
  }

  #start(command: string): StartedProcess {
    return startProcess('sh', ['-ec', this.#withPorts(command)], {
      cwd: this.#folder,
      env: { RELAY_DATA_DIR: path.join(this.#folder, '.relay'), NO_COLOR: '1' },
    });
  }

  #withPorts(text: string): string {
    return text.replace(PORT, (port) => this.#ports.get(port) ?? port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#background.map(({ process }) => process.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const PORT = /(?<=\b127\.0\.0\.1:|-port )\d{4,5}\b/g;

async function otherPorts(steps: readonly Step[]): Promise<Map<string, string>> {
  const ports = new Map<string, string>();
  for (const step of steps) {
    const text = step.kind === 'run' || step.kind === 'background' ? step.command : '';
    for (const [port] of text.matchAll(PORT)) if (!ports.has(port)) ports.set(port, String(await freePort()));
  }
  return ports;
}
