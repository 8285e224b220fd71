// docs/diagnostics.md and docs/language.md against the language itself, and relay docs.

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { builtins, checkProgram, loadProgram } from '@relay/language';
import { runInProcess } from '../testing.ts';
import { renderBuiltins } from './docs.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

function codesOf(text: string): readonly string[] {
  const program = loadProgram('main.rl', (asked) => (asked === 'main.rl' ? text : undefined));
  return [...program.diagnostics, ...checkProgram(program, builtins).diagnostics].map(({ code }) => code);
}

describe('the page of diagnostics', () => {
  const page = read('docs/diagnostics.md');
  const sections = [...page.matchAll(/^### (RL\d{4}): .+\n\n(.+)\n\n```relay\n([\s\S]*?)^```/gm)];

  it('has every code that the language reports, and no other', () => {
    const sources = globSync('packages/language/src/**/*.ts', { cwd: ROOT }).filter(
      (file) => !file.endsWith('.test.ts'),
    );
    const used = new Set(sources.flatMap((file) => read(file).match(/RL\d{4}/g) ?? []));
    assert.ok(used.size > 40);
    assert.deepEqual(sections.map(([, code]) => code).toSorted(), [...used].toSorted());
    assert.equal(page.match(/^### /gm)?.length, sections.length);
  });

  for (const [, code, , text] of sections) {
    it(`shows what is reported as ${code}`, () =>
      assert.ok(codesOf(text!).includes(code!), codesOf(text!).join(' ')));
  }
});

describe('the page of the language', () => {
  const page = read('docs/language.md');

  it('has the built-ins as the tables have them', () => {
    const [, section] = /<!-- built-ins: begin -->\n([\s\S]*)<!-- built-ins: end -->\n$/.exec(page) ?? [];
    assert.equal(section, renderBuiltins(), 'write it anew: relay docs --markdown');
  });

  const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-language-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let heading = '';
  for (const [, title, program] of page.matchAll(/^## (.+)$|^```relay\n([\s\S]*?)^```/gm)) {
    if (title !== undefined) heading = title;
    if (program === undefined) continue;
    it(`prints what it says: ${heading}`, async () => {
      const file = path.join(folder, 'page.rl');
      writeFileSync(file, program);
      const expected = [...program.matchAll(/\/\/ > (.*)$/gm)].map((match) => match[1]);
      assert.ok(expected.length > 0);
      const { code, out, err } = await runInProcess([file]);
      assert.deepEqual({ code, err }, { code: 0, err: '' });
      const printed = out.trimEnd().split('\n').slice(1, -1);
      assert.deepEqual(
        printed.filter((line) => !line.startsWith('Result: ')),
        expected,
      );
    });
  }
});

describe('relay docs', () => {
  it('lists every built-in once, with its doc', async () => {
    const { code, out } = await runInProcess(['docs']);
    assert.equal(code, 0);
    for (const [name, { doc }] of builtins.functions) {
      assert.equal(
        out.split('\n').filter((line) => line.startsWith(`  ${name}(`) && line.endsWith(doc)).length,
        1,
        name,
      );
    }
    for (const [kind, table] of builtins.methods) {
      const section = out.split(`Methods of ${kind}\n`)[1]!.split('\nMethods of')[0]!;
      assert.equal(section.match(/^ {2}\.\w+\(/gm)?.length, table.size, kind);
    }
  });

  for (const [words, expected] of [
    [['range'], /^Functions\n {2}range\(a, b\?\) {3}\S.*\n$/],
    [['array.push'], /^Methods of array\n {2}\.push\(a\) {3}\S.*\n$/],
    [['set'], /^Methods of array\n[\s\S]*Methods of object\n[\s\S]*Methods of struct\n/],
    [['datetime'], /^Methods of datetime\n {2}\.format\(a\) /],
    [['print', 'len'], /^Functions\n {2}print\(…\) .*\n {2}len\(a\) /],
  ] as const) {
    it(`finds ${words.join(' and ')}`, async () => {
      const { code, out } = await runInProcess(['docs', ...words]);
      assert.equal(code, 0);
      assert.match(out, expected);
    });
  }

  it('names the nearest for what is not there', async () => {
    assert.deepEqual(await runInProcess(['docs', 'pusch']), {
      code: 1,
      out: '',
      err: 'Error: no built-in is called pusch; did you mean push?\n',
    });
  });
});
