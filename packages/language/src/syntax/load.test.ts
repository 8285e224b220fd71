import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadProgram } from './load.ts';

function load(files: Readonly<Record<string, string>>, main = 'app/main.rl') {
  return loadProgram(main, (path) => files[path]);
}

function names(program: ReturnType<typeof load>): string[] {
  return program.items.map((item) => (item.kind === 'set' ? item.name.text : item.kind));
}

describe('loading a program', () => {
  it('puts the items of an import where it stands, each file once', () => {
    const program = load({
      'app/main.rl': 'set a = 1\nimport "lib/one.rl"\nset d = 1\nimport "./two.rl"',
      'app/lib/one.rl': 'import "../two.rl"\nset c = 1',
      'app/two.rl': 'set b = 1',
    });
    assert.deepEqual(program.diagnostics, []);
    assert.deepEqual(names(program), ['a', 'b', 'import', 'c', 'import', 'd', 'import']);
    assert.deepEqual(
      program.files.map((file) => file.name),
      ['main.rl', 'lib/one.rl', 'two.rl'],
    );
    assert.equal(program.parsed.length, 3);
  });

  it('gives spans the number of their file', () => {
    const program = load({ 'app/main.rl': 'import "b.rl"', 'app/b.rl': 'set x = 1' });
    assert.equal(program.items[0]?.span.file, 1);
  });

  for (const { why, path, code } of [
    { why: 'a file that is not there', path: 'none.rl', code: 'RL1030' },
    { why: 'a path out of the folder', path: '../secret.rl', code: 'RL1030' },
    { why: 'a path that leaves and comes back', path: 'lib/../../app/b.rl', code: 'RL1030' },
    { why: 'an absolute path', path: '/app/b.rl', code: 'RL1030' },
    { why: 'an empty path', path: '', code: 'RL1030' },
    { why: 'a file that imports itself', path: 'main.rl', code: 'RL1031' },
    { why: 'a circle', path: 'b.rl', code: 'RL1031' },
  ]) {
    it(`reports ${why}`, () => {
      const program = load({ 'app/main.rl': `import "${path}"`, 'app/b.rl': 'import "main.rl"' });
      assert.deepEqual(
        program.diagnostics.map((one) => one.code),
        [code],
      );
    });
  }

  it('reports a missing main file', () => {
    const program = load({});
    assert.equal(program.diagnostics[0]?.message, 'there is no file main.rl');
    assert.equal(program.files.length, 1);
  });
});
