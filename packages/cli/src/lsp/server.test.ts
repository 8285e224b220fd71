// The language server as editors start it: a process, with the framing of the protocol on its streams.

import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const LIMIT_MS = 20_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** As much of an editor as a test needs. */
class Editor {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #waiting: {
    readonly accepts: (message: Message) => boolean;
    readonly give: (message: Message) => void;
  }[] = [];
  readonly #unread: Message[] = [];
  #bytes = Buffer.alloc(0);
  #id = 0;
  stderr = '';

  constructor() {
    this.process = spawn(process.execPath, ['--conditions=relay-source', MAIN, 'lsp', '--stdio']);
    this.process.stdout.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#read();
    });
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
  }

  #read(): void {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.#bytes.subarray(0, end).toString())?.[1]);
      if (this.#bytes.length < end + 4 + length) return;
      const body = this.#bytes.subarray(end + 4, end + 4 + length).toString();
      this.#bytes = this.#bytes.subarray(end + 4 + length);
      const message = JSON.parse(body) as Message;
      const at = this.#waiting.findIndex(({ accepts }) => accepts(message));
      if (at < 0) this.#unread.push(message);
      else this.#waiting.splice(at, 1)[0]!.give(message);
    }
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  async next(accepts: (message: Message) => boolean): Promise<Message> {
    const at = this.#unread.findIndex(accepts);
    if (at >= 0) return this.#unread.splice(at, 1)[0]!;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer; stderr: ${this.stderr}`)), LIMIT_MS);
      this.#waiting.push({
        accepts,
        give: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      });
    });
  }

  async answer(method: string, params?: object): Promise<Message> {
    this.#id += 1;
    const id = this.#id;
    this.#send({ id, method, ...(params === undefined ? {} : { params }) });
    return this.next((message) => message.id === id && message.method === undefined);
  }

  async request<T>(method: string, params?: object): Promise<T> {
    const { result, error } = await this.answer(method, params);
    assert.equal(error, undefined, JSON.stringify(error));
    return result as T;
  }

  notify(method: string, params?: object): void {
    this.#send({ method, ...(params === undefined ? {} : { params }) });
  }

  open(uri: string, text: string): void {
    this.notify('textDocument/didOpen', { textDocument: { uri, languageId: 'relay', version: 1, text } });
  }

  async findings(
    uri: string,
    version: number,
  ): Promise<readonly { readonly code: string; readonly message: string }[]> {
    const message = await this.next(({ method, params }) => {
      const given = params as { readonly uri?: string; readonly version?: number } | undefined;
      return method === 'textDocument/publishDiagnostics' && given?.uri === uri && given.version === version;
    });
    return (message.params as { readonly diagnostics: readonly { code: string; message: string }[] })
      .diagnostics;
  }
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-lsp-'));
const urlOf = (name: string): string => pathToFileURL(path.join(folder, name)).href;
const TYPES = '// types.rl\nstruct Post { id: number, title: string }\n';
const BLOG = `import "types.rl"
server blog {
  state { posts: [Post] = [] }
  // All posts.
  receive fn get_posts() -> [Post] { state.posts }
}
set first = (send "blog" get_posts {}).first()
print(frist)
`;

interface Position {
  readonly line: number;
  readonly character: number;
}

/** The place of the nth occurrence of a text. */
function positionOf(text: string, part: string, nth = 0): Position {
  let offset = -1;
  for (let at = 0; at <= nth; at += 1) offset = text.indexOf(part, offset + 1);
  assert.ok(offset >= 0, part);
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: lines.at(-1)!.length + 1 };
}

describe('relay lsp', () => {
  let editor: Editor;
  const uri = urlOf('blog.rl');
  let text = BLOG;
  const at = (part: string, nth = 0): object => ({
    textDocument: { uri },
    position: positionOf(text, part, nth),
  });

  before(async () => {
    writeFileSync(path.join(folder, 'types.rl'), TYPES);
    writeFileSync(path.join(folder, 'blog.rl'), BLOG);
    editor = new Editor();
    const { capabilities } = await editor.request<{ capabilities: Record<string, unknown> }>('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(folder).href,
      capabilities: {},
    });
    assert.equal(capabilities['hoverProvider'], true);
    editor.notify('initialized', {});
  });
  after(() => {
    editor.process.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('reports what is wrong with a text when it is opened', async () => {
    editor.open(uri, text);
    const [finding, ...others] = await editor.findings(uri, 1);
    assert.deepEqual(others, []);
    assert.equal(finding?.code, 'RL2001');
    assert.match(finding.message, /undefined variable: frist\nhint: did you mean 'first'\?/);
  });

  it('follows changes of a part of the text, and takes findings back', async () => {
    const from = positionOf(text, 'frist');
    const start = { line: from.line, character: from.character - 1 };
    editor.notify('textDocument/didChange', {
      textDocument: { uri, version: 2 },
      contentChanges: [
        { range: { start, end: { line: start.line, character: start.character + 5 } }, text: 'first' },
      ],
    });
    text = text.replace('frist', 'first');
    assert.deepEqual(await editor.findings(uri, 2), []);
  });

  it('shows signature, effect and documentation', async () => {
    const { contents } = await editor.request<{ contents: { value: string } }>(
      'textDocument/hover',
      at('get_posts', 1),
    );
    assert.match(contents.value, /receive fn get_posts\(\) -> \[Post\]/);
    assert.match(contents.value, /All posts\.[\s\S]*Effect: reads\./);
  });

  it('finds definitions, in imported files too', async () => {
    const [server] = await editor.request<{ uri: string; range: { start: Position } }[]>(
      'textDocument/definition',
      at('"blog"'),
    );
    assert.deepEqual([server?.uri, server?.range.start], [uri, { line: 1, character: 7 }]);
    const [struct] = await editor.request<{ uri: string; range: { start: Position } }[]>(
      'textDocument/definition',
      at('Post]'),
    );
    assert.deepEqual([struct?.uri, struct?.range.start], [urlOf('types.rl'), { line: 1, character: 7 }]);
    const [file] = await editor.request<{ uri: string }[]>('textDocument/definition', at('types.rl'));
    assert.equal(file?.uri, urlOf('types.rl'));
  });

  it('completes', async () => {
    const items = await editor.request<{ label: string }[]>('textDocument/completion', {
      textDocument: { uri },
      position: { line: 4, character: text.split('\n')[4]!.indexOf('state.posts') + 'state.po'.length },
    });
    assert.deepEqual(
      items.map(({ label }) => label),
      ['posts'],
    );
  });

  it('renames in all files of the program, and refuses what would change its meaning', async () => {
    const { changes } = await editor.request<{ changes: Record<string, { newText: string }[]> }>(
      'textDocument/rename',
      { ...at('Post]'), newName: 'Article' },
    );
    assert.deepEqual(
      Object.fromEntries(Object.entries(changes).map(([file, edits]) => [file, edits.length])),
      { [uri]: 2, [urlOf('types.rl')]: 1 },
    );
    for (const [newName, reason] of [
      ['while', /'while' is a keyword/],
      ['a b', /is not a name/],
      ['print', /in use/],
    ] as const) {
      const { error } = await editor.answer('textDocument/rename', { ...at('first'), newName });
      assert.match(error?.message ?? '', reason);
    }
  });

  it('renames from an imported file where it is used', async () => {
    const types = urlOf('types.rl');
    editor.open(types, TYPES);
    assert.deepEqual(await editor.findings(types, 1), []);
    const { changes } = await editor.request<{ changes: Record<string, unknown[]> }>('textDocument/rename', {
      textDocument: { uri: types },
      position: { line: 1, character: 8 },
      newName: 'Article',
    });
    assert.equal(changes[uri]?.length, 2);
  });

  it('lists symbols', async () => {
    const symbols = await editor.request<{ name: string; children: { name: string }[] }[]>(
      'textDocument/documentSymbol',
      { textDocument: { uri } },
    );
    assert.deepEqual(
      symbols.map(({ name }) => name),
      ['blog', 'first'],
    );
    assert.deepEqual(
      symbols[0]?.children.map(({ name }) => name),
      ['posts', 'get_posts'],
    );
  });

  it('formats as relay fmt does, and leaves texts with errors alone', async () => {
    const options = { tabSize: 2, insertSpaces: true };
    const [edit] = await editor.request<{ newText: string }[]>('textDocument/formatting', {
      textDocument: { uri },
      options,
    });
    assert.match(edit?.newText ?? '', /^ {4}state \{ posts: \[Post\] = \[\] \}$/m);
    const broken = urlOf('broken.rl');
    editor.open(broken, 'set a =');
    assert.equal((await editor.findings(broken, 1))[0]?.code, 'RL1010');
    assert.equal(
      await editor.request('textDocument/formatting', { textDocument: { uri: broken }, options }),
      null,
    );
  });

  it('survives requests about texts and places that do not exist', async () => {
    const nowhere = { textDocument: { uri: 'untitled:Nothing' }, position: { line: 99, character: 99 } };
    for (const method of ['hover', 'definition', 'completion', 'documentSymbol', 'formatting', 'rename']) {
      await editor.answer(`textDocument/${method}`, { ...nowhere, newName: 'x' });
      await editor.answer(`textDocument/${method}`, { ...nowhere, textDocument: { uri }, newName: 'x' });
    }
    editor.open('untitled:Nothing', 'set a = 1\na.');
    await editor.findings('untitled:Nothing', 1);
    assert.equal(editor.process.exitCode, null);
  });

  it('ends with exit code 0 after shutdown and exit, and has changed no file', async () => {
    assert.equal(await editor.request('shutdown'), null);
    const ended = once(editor.process, 'exit');
    editor.notify('exit');
    assert.deepEqual(await ended, [0, null]);
    assert.equal(editor.stderr, '');
    assert.equal(readFileSync(path.join(folder, 'blog.rl'), 'utf8'), BLOG);
  });
});
