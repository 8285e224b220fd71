// What follows the pages notices when a page is wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAsShown, stepsOf } from './page.ts';

describe('a page to follow', () => {
  it('has its marked blocks as steps, in order', () => {
    const page = [
      '<!-- test file a.rl -->\n\n```relay\nserver a { }\n```',
      '<!-- test background -->\n\n```sh\n./relay a.rl -server\n```',
      '<!-- expect -->\n\n```text\nready\n```',
      '```sh\n./relay version\n```',
      '<!-- test fails -->\n```sh\n./relay nothing\n```',
      '<!-- test stop a.rl -->',
    ].join('\n\n');
    assert.deepEqual(stepsOf(page), [
      { kind: 'file', name: 'a.rl', text: 'server a { }\n' },
      { kind: 'background', command: './relay a.rl -server', expected: 'ready\n' },
      { kind: 'unmarked', command: './relay version' },
      { kind: 'run', command: './relay nothing', isFailure: true },
      { kind: 'stop', word: 'a.rl' },
    ]);
  });

  it('with a comment that means nothing is an error', () => {
    assert.throws(() => stepsOf('<!-- test backgruond -->\n\n```sh\n./relay\n```'), /means nothing/);
    assert.throws(() => stepsOf('<!-- expect -->\n\n```text\nready\n```'), /nothing printed/);
  });

  for (const { why, output, shown, isSame } of [
    { why: 'the same', output: 'a\nb', shown: 'a\nb\n', isSame: true },
    { why: 'anything in a line', output: 'took 17 ms', shown: 'took … ms\n', isSame: true },
    { why: 'any lines', output: 'a\nx\ny\nb', shown: 'a\n…\nb\n', isSame: true },
    { why: 'another word', output: 'a\nc', shown: 'a\nb\n', isSame: false },
    { why: 'a line more', output: 'a\nb\nc', shown: 'a\nb\n', isSame: false },
    { why: 'a line less', output: 'a', shown: 'a\nb\n', isSame: false },
    { why: 'a pattern is no pattern', output: 'axb', shown: 'a.b\n', isSame: false },
    { why: 'anything does not span lines', output: 'a\nb', shown: 'a…b\n', isSame: false },
  ]) {
    it(`shows ${why}: ${isSame}`, () => assert.equal(isAsShown(output, shown), isSame));
  }
});
