import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { runInProcess } from '../testing.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-fmt-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const full = path.join(folder, name);
  writeFileSync(full, text, { mode: 0o640 });
  return full;
}

describe('relay fmt', () => {
  it('writes files in the house style and names those it changed', async () => {
    const messy = file('messy.rl', 'fn f( ){1}   // one\n');
    const tidy = file('tidy.rl', 'set a = 1\n');
    assert.deepEqual(await runInProcess(['fmt', messy, tidy]), { code: 0, out: `${messy}\n`, err: '' });
    assert.equal(readFileSync(messy, 'utf8'), 'fn f() { 1 } // one\n');
    assert.equal(statSync(messy).mode & 0o777, 0o640);
    assert.deepEqual(await runInProcess(['fmt', messy, tidy]), { code: 0, out: '', err: '' });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });

  it('only lists with --check, and exits with 1 if there is something to do', async () => {
    const messy = file('check.rl', 'set a=1\n');
    assert.deepEqual(await runInProcess(['fmt', '--check', messy]), { code: 1, out: `${messy}\n`, err: '' });
    assert.equal(readFileSync(messy, 'utf8'), 'set a=1\n');
    const tidy = file('checked.rl', 'set a = 1\n');
    assert.deepEqual(await runInProcess(['fmt', tidy, '--check']), { code: 0, out: '', err: '' });
  });

  it('leaves a file with errors alone, and goes on with the next', async () => {
    const broken = file('broken.rl', 'set  a =\n');
    const messy = file('next.rl', 'set b=1\n');
    const result = await runInProcess(['fmt', broken, messy]);
    assert.equal(result.code, 1);
    assert.match(result.err, /broken\.rl:2:1: error: .*\[RL1010\]/);
    assert.equal(readFileSync(broken, 'utf8'), 'set  a =\n');
    assert.equal(readFileSync(messy, 'utf8'), 'set b = 1\n');
  });

  it('formats stdin to stdout', async () => {
    const result = await runInProcess(['fmt', '--stdin'], {}, { stdin: 'set a=1;b' });
    assert.deepEqual(result, { code: 0, out: 'set a = 1; b\n', err: '' });
    assert.equal((await runInProcess(['fmt', '--stdin', '--check'], {}, { stdin: 'set a=1' })).code, 1);
    assert.equal((await runInProcess(['fmt', '--stdin'], {}, { stdin: 'set a' })).code, 1);
  });

  it('writes to the file a link points to', async () => {
    const target = file('target.rl', 'set a=1\n');
    const link = path.join(folder, 'link.rl');
    symlinkSync(target, link);
    assert.equal((await runInProcess(['fmt', link])).code, 0);
    assert.equal(readFileSync(target, 'utf8'), 'set a = 1\n');
  });

  it('says what is missing, and what cannot be read', async () => {
    assert.equal((await runInProcess(['fmt'])).code, 2);
    assert.match((await runInProcess(['fmt', 'none.rl'])).err, /^Error: cannot read none\.rl: /);
    assert.equal((await runInProcess(['fmt', 'a.txt'])).code, 1);
    const latin = path.join(folder, 'latin.rl');
    writeFileSync(latin, Buffer.from([0x22, 0xe9, 0x22]));
    assert.equal((await runInProcess(['fmt', latin])).code, 1);
    assert.deepEqual([...readFileSync(latin)], [0x22, 0xe9, 0x22]);
  });
});
