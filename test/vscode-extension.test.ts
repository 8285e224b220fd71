// The editor extension: its manifest, its list of files, and its grammar in the engine that editors use.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { builtins } from '@relay/language';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';
import { KEYWORDS } from '../packages/language/src/syntax/token.ts';

const ROOT = new URL('../editors/vscode/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

interface Manifest {
  readonly main: string;
  readonly engines: { readonly vscode: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly contributes: {
    readonly languages: readonly {
      readonly id: string;
      readonly extensions: readonly string[];
      readonly configuration?: string;
    }[];
    readonly grammars: readonly {
      readonly language: string;
      readonly scopeName: string;
      readonly path: string;
    }[];
    readonly commands: readonly { readonly command: string }[];
    readonly configuration: { readonly properties: Readonly<Record<string, unknown>> };
  };
}
const manifest = JSON.parse(read('package.json')) as Manifest;

describe('the extension', () => {
  it('has every file its manifest names', () => {
    const { languages, grammars } = manifest.contributes;
    const named = [
      manifest.main,
      ...grammars.map(({ path }) => path),
      ...languages.flatMap(({ configuration }) => (configuration === undefined ? [] : [configuration])),
      'README.md',
      'LICENSE',
      '.vscodeignore',
      'package-lock.json',
    ];
    for (const file of named) assert.ok(existsSync(new URL(file, ROOT)), file);
    for (const file of globSync('**/*.json', { cwd: ROOT.pathname, exclude: ['node_modules/**'] })) {
      assert.doesNotThrow(() => JSON.parse(read(file)), file);
    }
  });

  it('speaks of both endings of program files, and of each language it has a grammar for', () => {
    const { languages, grammars } = manifest.contributes;
    assert.deepEqual(languages[0]?.extensions, ['.rl', '.relay']);
    for (const { language, scopeName, path } of grammars) {
      assert.ok(languages.some(({ id }) => id === language));
      assert.equal((JSON.parse(read(path)) as { scopeName: string }).scopeName, scopeName);
    }
  });

  it('uses only settings, commands and packages it declares', () => {
    const code = read(manifest.main);
    const { commands, configuration } = manifest.contributes;
    for (const [, name = ''] of code.matchAll(/registerCommand\('([^']+)'/g)) {
      assert.ok(
        commands.some(({ command }) => command === name),
        name,
      );
    }
    for (const [, name = ''] of code.matchAll(/affectsConfiguration\('([^']+)'\)/g)) {
      assert.ok(Object.hasOwn(configuration.properties, name), name);
    }
    const required = [...code.matchAll(/require\('([^'/]+)/g)].map((match) => match[1]);
    assert.deepEqual(required.toSorted(), ['vscode', ...Object.keys(manifest.dependencies)].toSorted());
    assert.match(manifest.dependencies['vscode-languageclient'] ?? '', /^\d+\.\d+\.\d+$/);
  });
});

it('starts the command that is set, and stops it with the editor', async () => {
  const calls: unknown[] = [];
  const nothing = { dispose: () => {} };
  const vscode = {
    workspace: {
      getConfiguration: () => ({ get: () => '/opt/relay/relay' }),
      createFileSystemWatcher: () => nothing,
      onDidChangeConfiguration: () => nothing,
    },
    commands: { registerCommand: () => nothing },
    window: {},
  };
  class LanguageClient {
    constructor(_id: string, _name: string, server: unknown) {
      calls.push(server);
    }
    start = async (): Promise<void> => void calls.push('start');
    stop = async (): Promise<void> => void calls.push('stop');
  }
  const module = { exports: {} as { activate(context: object): void; deactivate(): Promise<void> } };
  const require = (name: string): unknown => (name === 'vscode' ? vscode : { LanguageClient });
  new Function('require', 'module', 'process', read(manifest.main))(require, module, { platform: 'linux' });
  module.exports.activate({ subscriptions: [] });
  await module.exports.deactivate();
  assert.deepEqual(calls, [{ command: '/opt/relay/relay', args: ['lsp'], options: {} }, 'start', 'stop']);
});

async function loadGrammars(): Promise<textmate.Registry> {
  const wasm = readFileSync(new URL(import.meta.resolve('vscode-oniguruma/release/onig.wasm')));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const paths = new Map(manifest.contributes.grammars.map(({ scopeName, path }) => [scopeName, path]));
  // As much of HTML as the templates need here; editors bring their own.
  const html = {
    scopeName: 'text.html.basic',
    patterns: [
      { begin: '"', end: '"', name: 'string.quoted.double.html' },
      { match: '<[^>"]*>?', name: 'meta.tag.html' },
    ],
  };
  return new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scopeName) => {
      const path = paths.get(scopeName);
      if (path !== undefined) return textmate.parseRawGrammar(read(path), path);
      return scopeName === 'text.html.basic'
        ? textmate.parseRawGrammar(JSON.stringify(html), 'html.json')
        : null;
    },
  });
}

describe('the grammar', async () => {
  const registry = await loadGrammars();
  const scopesOf = async (
    scopeName: string,
    text: string,
  ): Promise<readonly (readonly [string, string])[]> => {
    const grammar = await registry.loadGrammar(scopeName);
    assert.ok(grammar);
    let stack = textmate.INITIAL;
    return text.split('\n').flatMap((line) => {
      const { tokens, ruleStack } = grammar.tokenizeLine(line, stack);
      stack = ruleStack;
      return tokens.map(
        ({ startIndex, endIndex, scopes }) => [line.slice(startIndex, endIndex), scopes.join(' ')] as const,
      );
    });
  };
  const scopeOf = async (text: string, part: string, nth = 0, grammar = 'source.relay'): Promise<string> => {
    const found = (await scopesOf(grammar, text)).filter(([token]) => token.trim() === part);
    return found[nth]?.[1] ?? `none of ${JSON.stringify(await scopesOf(grammar, text))}`;
  };

  for (const [text, part, scope] of [
    ['// a comment', '// a comment', /comment\.line/],
    ['a /* b */ c', 'c', /variable\.other/],
    ['"a\\n"', '\\n', /constant\.character\.escape/],
    ['"a\\q"', '\\q', /invalid\.illegal\.escape/],
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z', /constant\.numeric\.datetime/],
    ['.5 + 2.5e3', '2.5e3', /constant\.numeric\.relay/],
    ['5.toString()', '5', /constant\.numeric/],
    ['return :timeout', ':timeout', /constant\.other\.symbol/],
    ['return :timeout', 'return', /keyword\.control/],
    ['{if: 1}', 'if', /variable\.other\.property/],
    ['o.while', 'while', /variable\.other\.property/],
    ['if a { b }', 'if', /keyword\.control/],
    ['receive fn get(id: number) -> Post { }', 'get', /entity\.name\.function/],
    ['receive fn get(id: number) -> Post { }', 'number', /support\.type/],
    ['receive fn get(id: number) -> Post { }', 'Post', /entity\.name\.type/],
    ['server blog implements Blog { }', 'Blog', /inherited-class/],
    ['send "blog" get_posts {}', 'get_posts', /entity\.name\.function/],
    ['print(a)', 'print', /support\.function/],
    ['a.push(b)', 'push', /entity\.name\.function\.member/],
    ['state.count', 'state', /variable\.language\.state/],
    ['a ?? nil', 'nil', /constant\.language/],
    ['dispatch v { :default: 1 }', ':default', /constant\.other\.symbol/],
  ] as const) {
    it(`reads ${part} in ${text}`, async () => assert.match(await scopeOf(text, part), scope));
  }

  it('knows every keyword and every built-in function', async () => {
    for (const word of KEYWORDS) {
      assert.match(
        await scopeOf(`${word} `, word),
        /keyword|storage|constant\.language|variable\.language/,
        word,
      );
    }
    for (const name of builtins.functions.keys()) {
      // `send` is a keyword too.
      assert.match(await scopeOf(`${name}(1)`, name), /support\.function|keyword\.other/, name);
    }
  });

  it('ends every string, comment and bracket of the examples', async () => {
    for (const path of globSync('../../examples/*.rl', { cwd: ROOT.pathname })) {
      const tokens = await scopesOf('source.relay', `${read(path)}\nlast_word`);
      assert.deepEqual(tokens.at(-1), ['last_word', 'source.relay variable.other.relay'], path);
      for (const [token, scopes] of tokens) assert.doesNotMatch(scopes, /invalid/, `${path}: ${token}`);
    }
  });

  for (const [text, part, nth, scope] of [
    ['<p>@{post.title}</p>', 'title', 0, /source\.relay variable\.other\.property/],
    ['<a href="/post/@{post.id}">', 'id', 0, /string\.quoted\.double\.html .*source\.relay/],
    ['@raw{text}', 'text', 0, /source\.relay/],
    ['@{ {a: "}"}.a } after', 'after', 0, /^text\.html\.relay$/],
    ['@if(posts.length == 0) { none }', '@if', 0, /keyword\.control/],
    ['@if(f(a) == 0) { none }', '0', 0, /constant\.numeric/],
    ['@if(a) { b } else if(c) { d }', 'c', 0, /source\.relay/],
    ['@if(a) { b } else { d }', 'else', 0, /keyword\.control/],
    ['@for(x in xs) { y }', 'in', 0, /keyword\.control/],
    ['mail@@example.org', '@@', 0, /constant\.character\.escape/],
  ] as const) {
    it(`reads ${part} in the template ${text}`, async () =>
      assert.match(await scopeOf(text, part, nth, 'text.html.relay'), scope));
  }
});
