import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ReplEvent } from '@relay/host';
import { CompileSession } from '@relay/language';
import { waitFor } from '@relay/testkit';
import { runInProcess } from '../testing.ts';
import { VERSION } from '../version.ts';
import { MAX_HISTORY_LINES, readHistory, writeHistory } from './repl-history.ts';
import { Prompt } from './repl-prompt.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-repl-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A prompt over a session that runs nothing: it tells what it would run. */
function promptOf(): { readonly prompt: Prompt; readonly shown: string[]; readonly entered: string[] } {
  const compiler = new CompileSession();
  const shown: string[] = [];
  const entered: string[] = [];
  async function* events(text: string): AsyncGenerator<ReplEvent> {
    entered.push(text);
    const { units } = compiler.enter(`repl-${entered.length}`, text, () => undefined);
    for (const { variable } of units) yield { kind: 'value', shown: 'V', variable };
  }
  const session = {
    get items() {
      return compiler.items;
    },
    get services() {
      return compiler.services;
    },
    get fileCount() {
      return compiler.files.length;
    },
    enter: events,
    load: (file: string) => events(`import "${file}"`),
    typeOf: (text: string) => compiler.typeOf(text),
    render: ({ message }: { readonly message: string }) => message,
  };
  const prompt = new Prompt({
    session,
    out: (line) => shown.push(line),
    err: (line) => shown.push(`! ${line}`),
    clear: () => shown.push('CLEARED'),
  });
  return { prompt, shown, entered };
}

describe('lines at the prompt', () => {
  for (const [why, lines, entered] of [
    ['a line is an input', ['1 + 1', '2'], ['1 + 1', '2']],
    ['an open bracket asks for more', ['fn f() {', '  1', '}'], ['fn f() {\n  1\n}']],
    ['a bracket in a string is none', ['"{"'], ['"{"']],
    ['a token that must go on asks for more', ['1 +', '2'], ['1 +\n2']],
    ['an empty line ends what is open', ['[1,', '2', '', '3'], ['[1,\n2', '3']],
    ['an empty line alone is nothing', ['', '  ', '1'], ['1']],
    [
      'what looks like a command inside an input is code',
      ['dispatch x {', ':quit: 1', '}'],
      ['dispatch x {\n:quit: 1\n}'],
    ],
    ['a symbol is code', [':name', ':quitting'], [':name', ':quitting']],
  ] as const) {
    it(why, async () => {
      const rig = promptOf();
      for (const line of lines) await rig.prompt.line(line);
      assert.deepEqual(rig.entered, entered);
      assert.equal(rig.prompt.text, 'relay> ');
    });
  }

  it('the prompt says whether more is expected, and Ctrl+C forgets it', async () => {
    const { prompt, entered } = promptOf();
    assert.equal(prompt.text, 'relay> ');
    await prompt.line('(1 +');
    assert.equal(prompt.text, '    | ');
    prompt.cancel();
    assert.equal(prompt.text, 'relay> ');
    await prompt.line('2');
    assert.deepEqual(entered, ['2']);
  });

  it('a set shows its name, all else its value', async () => {
    const { prompt, shown } = promptOf();
    await prompt.line('set a = 1; a; struct P { x: number }');
    assert.deepEqual(shown, ['a = V', 'V', 'V']);
  });

  for (const [line, expected] of [
    [':version', `Relay v${VERSION}`],
    [':v', `Relay v${VERSION}`],
    [':clear', 'CLEARED'],
    [':cls', 'CLEARED'],
    [':c', 'CLEARED'],
    [':type 1 + 2', 'number'],
    [':type nothing', '! undefined variable: nothing'],
    [':load', '! Error: :load needs a file'],
    [':effects', 'no receive functions yet'],
    [':quit', 'Goodbye!'],
    [':q', 'Goodbye!'],
    [':exit', 'Goodbye!'],
  ] as const) {
    it(`${line} shows ${expected}`, async () => {
      const { prompt, shown } = promptOf();
      await prompt.line(line);
      assert.deepEqual(shown, [expected]);
      assert.equal(prompt.isOver, expected === 'Goodbye!');
    });
  }

  it(':help names every command, :examples are programs without errors', async () => {
    const { prompt, shown } = promptOf();
    await prompt.line(':help');
    for (const name of [':help :h', ':quit :q :exit', ':load FILE', ':ast']) {
      assert.ok(
        shown.some((row) => row.includes(name)),
        name,
      );
    }
    shown.length = 0;
    await prompt.line(':ex');
    const { diagnostics, findings } = new CompileSession().enter('examples', shown[0]!, () => undefined);
    assert.deepEqual([...diagnostics, ...findings], []);
  });

  it(':effects tells what receive functions do', async () => {
    const { prompt, shown } = promptOf();
    await prompt.line(
      'server s { state { n: number = 0 } receive fn a() { state.n } receive fn b() { send "t" m {} } }',
    );
    shown.length = 0;
    await prompt.line(':effects');
    assert.deepEqual(shown, ['s.a: reads', 's.b: calls(writes)']);
  });

  it(':ast shows trees, and runs again after the next', async () => {
    const { prompt, shown, entered } = promptOf();
    for (const line of [':ast', '1 + x', ':ast', '2']) await prompt.line(line);
    assert.deepEqual(entered, ['2']);
    assert.equal(shown[1], '+\n  1\n  name x');
  });

  it('Tab completes commands, names and methods', async () => {
    const { prompt } = promptOf();
    assert.deepEqual(prompt.complete(':ex'), [[':exit', ':examples', ':ex'], ':ex']);
    await prompt.line('set total = [1]');
    assert.deepEqual(prompt.complete('1 + tot'), [['total'], 'tot']);
    assert.deepEqual(prompt.complete('total.pus'), [['push'], 'pus']);
    assert.deepEqual(prompt.complete(':type tot'), [['total'], 'tot']);
    await prompt.line('fn f(price) {');
    assert.deepEqual(prompt.complete('pri'), [['price', 'print'], 'pri']);
  });
});

describe('the history', () => {
  it('is kept for its owner, newest first, within bounds', () => {
    const dataDir = path.join(folder, 'data', 'below');
    assert.deepEqual(readHistory(dataDir), []);
    writeHistory(dataDir, ['b', '', 'a']);
    assert.deepEqual(readHistory(dataDir), ['b', 'a']);
    assert.equal(statSync(path.join(dataDir, 'repl-history')).mode & 0o777, 0o600);
    writeHistory(
      dataDir,
      Array.from({ length: MAX_HISTORY_LINES + 5 }, (_, at) => `line ${at}`),
    );
    assert.equal(readHistory(dataDir).length, MAX_HISTORY_LINES);
  });

  it('that cannot be kept is left', () => {
    const file = path.join(folder, 'a-file');
    writeFileSync(file, '');
    writeHistory(path.join(file, 'below'), ['a']);
    assert.deepEqual(readHistory(path.join(file, 'below')), []);
    assert.equal(readFileSync(file, 'utf8'), '');
  });
});

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

interface Driven extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly out: () => string;
  readonly err: () => string;
  readonly exited: Promise<number | null>;
}

function drive(...argv: string[]): Driven {
  return drivenBy(process.execPath, ['--conditions=relay-source', '--no-warnings', MAIN, ...argv], {});
}

function drivenBy(command: string, argv: readonly string[], env: Readonly<Record<string, string>>): Driven {
  const child = spawn(command, argv, { cwd: folder, env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    out: () => out,
    err: () => err,
    exited,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** `script` of util-linux gives a program a terminal. */
const hasTerminals = process.platform === 'linux' && existsSync('/usr/bin/script');

describe('relay repl at a terminal', { skip: !hasTerminals && 'needs script(1)' }, () => {
  it('completes, recalls, is interrupted and keeps its history', async () => {
    const dataDir = path.join(folder, 'terminal');
    const command = `'${process.execPath}' --conditions=relay-source --no-warnings '${MAIN}' repl`;
    await using run = drivenBy('/usr/bin/script', ['-qec', command, '/dev/null'], {
      RELAY_DATA_DIR: dataDir,
    });
    /** Types, and waits for what has to appear after that. */
    const type = async (keys: string, expected: string): Promise<void> => {
      const before = run.out().length;
      run.child.stdin.write(keys);
      await waitFor(() => run.out().slice(before).includes(expected));
    };
    await waitFor(() => run.out().includes('relay> '));
    await type('set xs = [1]\r', 'xs = [1]\r\n');
    await type('xs.pus', 'xs.pus');
    await type('\t', 'h');
    await type('(2)\r', '[1, 2]\r\n');
    await type('\u001b[A', 'xs.push(2)');
    await type('\r', '[1, 2]\r\n');
    await type('(1 +\r', '    | ');
    await type('\u0003', 'relay> ');
    await type('print("on"); while true { 1 }\r', 'on\r\n');
    await type('\u0003', 'Interrupted');
    await type('6 * 7\r', '42\r\n');
    run.child.stdin.write('\u0004');
    assert.equal(await run.exited, 0);
    assert.deepEqual(readHistory(dataDir).slice(0, 2), ['6 * 7', 'print("on"); while true { 1 }']);
  });
});

describe('relay repl at the end of a pipe', () => {
  it('runs each line, goes on after errors, leaves at the end with 0', async () => {
    await using run = drive('repl');
    run.child.stdin.end(
      'set a = 1\na + 1\n"a" + 1; 3\nset = 2\nfn f(x) {\n  x * 2\n}\nf(21)\nprint("hi")\n[1,\n2',
    );
    assert.equal(await run.exited, 0);
    assert.equal(run.out(), 'a = 1\n2\n3\n<function: f>\n42\nhi\nnil\n');
    assert.match(run.err(), /^Error: repl-3:1:1: runtime error: invalid operands for addition/m);
    assert.match(run.err(), /^repl-4:1:5: error: .* \[RL1010\]\n {3}1 \| set = 2\n/m);
    assert.match(run.err(), /^repl-\d+:1:1: error: .*\[RL1012\]/m);
  });

  it('runs a file first, and its definitions stay', async () => {
    const file = path.join(folder, 'first.rl');
    writeFileSync(file, 'fn twice(n) { n * 2 }\nset base = 20\nprint("ran")\nbase + 1\n');
    await using run = drive(file, '-repl');
    run.child.stdin.end('twice(base)\n:quit\nprint("never")\n');
    assert.equal(await run.exited, 0);
    assert.equal(run.out(), `Executing ${file}...\nran\nResult: 21\n40\nGoodbye!\n`);
    assert.equal(run.err(), '');
  });

  it('interrupts an endless loop and goes on', async () => {
    await using run = drive('-repl');
    run.child.stdin.write('print("looping"); while true { 1 }\n');
    await waitFor(() => run.out().includes('looping'));
    run.child.kill('SIGINT');
    await waitFor(() => run.err().includes('Interrupted'));
    run.child.stdin.end('1 + 1\n');
    assert.equal(await run.exited, 0);
    assert.ok(run.out().endsWith('2\n'));
  });

  it('does not serve', async () => {
    const { code, err } = await runInProcess(['-repl', '-server']);
    assert.equal(code, 2);
    assert.match(err, /^Error: incompatible flags: -repl and -server\n/);
  });
});
