// A Main Relay with a program, as a process of its own with its folder, and calls to it over HTTP.

import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type StartedProcess, startProcess } from '@relay/testkit';

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: { readonly executed?: string } };
}

export class DurableNode {
  readonly process: StartedProcess;
  readonly #agent = new Agent({ keepAlive: true });
  #url = '';

  constructor(file: string, dataDir: string) {
    const args = [
      '--conditions=relay-source',
      '--no-warnings',
      MAIN,
      file,
      '-server',
      '-port',
      '0',
      '-node-id',
      'm.test',
    ];
    this.process = startProcess(process.execPath, args, { env: { RELAY_DATA_DIR: dataDir } });
  }

  /** It answers calls. */
  async started(): Promise<void> {
    const [, url] = await this.process.waitForLine(/^JSON-RPC: (\S+)/, 20_000);
    this.#url = url ?? '';
  }

  async call(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const sent = request(this.#url, { method: 'POST', agent: this.#agent });
    sent.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const piece of response) text += String(piece);
    return JSON.parse(text);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
    this.#agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async stop(): Promise<void> {
    await this.process.stop();
    this.#agent.destroy();
  }
}
