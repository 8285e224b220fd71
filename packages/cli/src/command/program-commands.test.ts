// relay FILE, check and -build with real programs; the examples and the language tour are among them.

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunResult, runInProcess } from '../testing.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-programs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const full = path.join(folder, name);
  writeFileSync(full, text);
  return full;
}
const relay = (...argv: string[]): Promise<RunResult> => runInProcess(argv, {}, { home: ROOT });

describe('relay FILE', () => {
  it('prints what it runs, its output and its result', async () => {
    const program = file('sum.rl', 'print("hello")\n1 + 2\n');
    const expected = {
      code: 0,
      out: `Executing ${program}...\nhello\nResult: 3\nExecution completed successfully.\n`,
      err: '',
    };
    assert.deepEqual(await relay(program), expected);
    assert.deepEqual(await relay('-run', program), expected);
    assert.deepEqual(await relay('run', program), expected);
  });

  it('prints no result for nil', async () => {
    const program = file('nil.rl', 'nil\n');
    assert.equal((await relay(program)).out, `Executing ${program}...\nExecution completed successfully.\n`);
  });

  it('prints errors as one line on stderr and exits with 1', async () => {
    const broken = await relay(file('broken.rl', 'set x = \n'));
    assert.equal(broken.code, 1);
    assert.match(broken.err, /^Error: parse error: broken\.rl:\d+:\d+: [^\n]+\n$/);
    const failing = await relay(file('failing.rl', '\nundefined_name\n'));
    assert.equal(failing.code, 1);
    assert.match(failing.err, /^Error: failing\.rl:2:1: runtime error: undefined variable: undefined_name\n/);
  });

  it('says when there is no such file, and what a program file is called', async () => {
    assert.deepEqual(await relay('nothing.rl'), {
      code: 1,
      out: '',
      err: 'Error: file nothing.rl does not exist\n',
    });
    assert.equal(
      (await relay(file('x.txt', ''))).err,
      'Error: unsupported file extension .txt (expected .relay or .rl)\n',
    );
  });

  it('takes a bare name from the examples and tells the path', async () => {
    const { code, out } = await relay('counter.rl');
    assert.equal(code, 0);
    assert.match(out, /^Executing .*examples.counter\.rl\.\.\.\nsecond step: 10\n/);
  });

  it('notes that a file names a Main Relay, and does not connect', async () => {
    const program = file('home.rl', 'config { relay: "ws://127.0.0.1:1" }\n');
    const { code, err } = await relay(program);
    assert.equal(code, 0);
    assert.equal(
      err,
      `note: ${program} names a Main Relay; start it as a Home with: relay home ${program}\n`,
    );
  });
});

describe('relay check', () => {
  it('reports every file, also after one that is missing', async () => {
    const bad = file('bad.rl', 'set posts = []\npots\n');
    const { code, out } = await relay('check', 'missing.rl', bad);
    assert.equal(code, 1);
    assert.match(out, /^Error: file missing\.rl does not exist\n/);
    assert.ok(out.includes(`${bad}:2:1: error: undefined variable: pots [RL2001]`), out);
    assert.match(out, /hint: did you mean 'posts'\?/);
  });

  it('gives machines one array', async () => {
    const bad = file('bad2.rl', 'pots\n');
    const { code, out } = await relay('check', '--json', bad);
    assert.equal(code, 1);
    const [report] = JSON.parse(out);
    assert.deepEqual(report, {
      file: bad,
      line: 1,
      column: 1,
      severity: 'error',
      code: 'RL2001',
      message: 'undefined variable: pots',
    });
  });

  it('is content with every example', async () => {
    const examples = globSync('examples/*.rl', { cwd: ROOT }).map((name) => path.join(ROOT, name));
    assert.ok(examples.length >= 8);
    assert.deepEqual(await relay('check', ...examples), { code: 0, out: '', err: '' });
  });
});

describe('-build', () => {
  it('counts servers and methods', async () => {
    const blog = path.join(ROOT, 'examples', 'blog.rl');
    assert.deepEqual(await relay('-build', blog), {
      code: 0,
      out: `Build OK: ${blog} (1 servers, 4 methods)\n`,
      err: '',
    });
    assert.equal((await relay('-build', file('bad3.rl', 'set = 1\n'))).code, 1);
  });
});

describe('the examples', () => {
  for (const name of globSync('examples/*.rl', { cwd: ROOT })) {
    it(`${path.basename(name)} runs`, async () => {
      const { code, err } = await relay(path.join(ROOT, name));
      assert.deepEqual({ code, err }, { code: 0, err: '' });
    });
  }
});

describe('the language tour', () => {
  const page = readFileSync(path.join(ROOT, 'docs', 'language-tour.md'), 'utf8');
  const programs = [...page.matchAll(/^## (.+)$|^```relay\n([\s\S]*?)^```/gm)];
  let heading = '';
  for (const [, title, program] of programs) {
    if (title !== undefined) heading = title;
    if (program === undefined) continue;
    it(`prints what it says: ${heading}`, async () => {
      const expected = [...program.matchAll(/\/\/ > (.*)$/gm)].map((match) => match[1]);
      assert.ok(expected.length > 0);
      const { code, out, err } = await relay(file('tour.rl', program));
      assert.deepEqual({ code, err }, { code: 0, err: '' });
      const printed = out.trimEnd().split('\n').slice(1, -1);
      assert.deepEqual(
        printed.filter((line) => !line.startsWith('Result: ')),
        expected,
      );
    });
  }
});

describe('the README', () => {
  it('shows a first service that is right', async () => {
    const program =
      /```relay\n([\s\S]*?)```/.exec(readFileSync(path.join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';
    assert.deepEqual(await relay('check', file('guestbook.rl', program)), { code: 0, out: '', err: '' });
  });
});
