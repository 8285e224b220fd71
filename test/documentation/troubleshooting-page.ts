// The entries of docs/troubleshooting.md, and a machine on which a test types their commands.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort, type StartedProcess } from '@relay/testkit';
import { Machine } from '../connections/nodes.ts';
import { isAsShown, ROOT, stepsOf } from './page.ts';

export interface Entry {
  readonly title: string;
  /** What a person sees. */
  readonly seen: string;
  /** Lines of its shell blocks. */
  readonly commands: readonly string[];
}

export function readEntries(): Map<string, Entry> {
  const page = readFileSync(path.join(ROOT, 'docs/troubleshooting.md'), 'utf8');
  const sections = page.split(/^### /m).slice(1);
  return new Map(
    sections.map((section) => {
      const title = section.slice(0, section.indexOf('\n'));
      const seen = /^```text\n([\s\S]*?)^```$/m.exec(section)?.[1];
      assert.ok(seen !== undefined, `${title}: nothing is seen`);
      for (const word of ['**Why.**', '**What to do.**'])
        assert.ok(section.includes(word), `${title}: ${word}`);
      const commands = stepsOf(section).flatMap((step) =>
        step.kind === 'unmarked' ? step.command.split('\n') : [],
      );
      return [title, { title, seen, commands }];
    }),
  );
}

/** Text of the page names ports 8080, 8081 and 8082; here they are free ones. */
export class Bench extends Machine {
  readonly #ports = new Map<string, string>();

  static async create(): Promise<Bench> {
    const bench = new Bench();
    for (const port of ['8080', '8081', '8082']) bench.#ports.set(port, String(await freePort()));
    symlinkSync(path.join(ROOT, 'relay'), path.join(bench.dir, 'relay'));
    return bench;
  }

  here(text: string): string {
    return text.replace(/\b808[012]\b/g, (port) => this.#ports.get(port) ?? port);
  }

  write(name: string, text: string): void {
    writeFileSync(path.join(this.dir, name), text);
  }

  /** Starts a line of the page, or one like it, as a process with this data directory. */
  start(line: string, dataDir: string, env: Readonly<Record<string, string>> = {}): StartedProcess {
    const [, settings = '', command = ''] = /^((?:[A-Z_]+=\S+ )*)(.*)$/.exec(this.here(line)) ?? [];
    return this.run('sh', ['-c', `exec 2>&1; ${settings}exec ${command}`], dataDir, {
      NO_COLOR: '1',
      ...env,
    });
  }

  /** Runs a line to its end. */
  async type(line: string, dataDir: string, env: Readonly<Record<string, string>> = {}) {
    const run = this.start(line, dataDir, env);
    const { code } = await run.exited;
    return { code, output: run.stdout.join('\n') };
  }

  /** The output of a process that ends by itself is what the entry shows. */
  async sees(entry: Entry, line: string, dataDir: string, env: Readonly<Record<string, string>> = {}) {
    const { code, output } = await this.type(line, dataDir, env);
    this.shows(entry, output);
    return code;
  }

  shows(entry: Entry, output: string): void {
    const seen = this.here(entry.seen);
    assert.ok(isAsShown(output, seen), `the page shows\n${seen}\nand there was\n${output}`);
  }

  /** A Main under a port of the page that answers. */
  async main8080(
    line = './relay -server -node-type main -node-id relay-a -port 8080',
    dataDir = 'relay-a',
    env: Readonly<Record<string, string>> = {},
  ): Promise<StartedProcess> {
    const main = this.start(line, dataDir, env);
    await main.waitForLine(/^Press Ctrl\+C to stop$/);
    return main;
  }

  async joined(line: string, dataDir: string, env: Readonly<Record<string, string>> = {}) {
    const home = this.start(line, dataDir, env);
    await home.waitForLine(/^Connected to Main Relay/);
    return home;
  }
}

/** The line of an entry that contains `part`. */
export function lineOf(entry: Entry, part: string): string {
  const line = entry.commands.find((command) => command.includes(part));
  assert.ok(line !== undefined, `${entry.title}: no command with ${part}`);
  return line;
}
