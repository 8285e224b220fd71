// What follows the pages notices when a page is wrong.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { follow, isAsShown, ROOT, stepsOf } from './page.ts';

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

describe('following a page', () => {
  const sh = (mark: string, command: string): string =>
    `<!-- ${mark} -->\n\n\`\`\`sh\n${command}\n\`\`\`\n\n`;
  const shown = (text: string): string => `<!-- expect -->\n\n\`\`\`text\n${text}\n\`\`\`\n\n`;

  async function followText(text: string): Promise<void> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-page-test-'));
    try {
      writeFileSync(path.join(folder, 'page.md'), text);
      await follow(path.relative(ROOT, path.join(folder, 'page.md')));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('ends well when everything is as written', async () => {
    await followText(sh('test', 'echo one') + shown('one') + sh('test fails', 'exit 3'));
  });

  for (const { why, text, says } of [
    { why: 'prints something else', text: sh('test', 'echo one') + shown('two'), says: /instead of\ntwo/ },
    { why: 'fails', text: sh('test', 'exit 3'), says: /exit 3/ },
    { why: 'succeeds against the page', text: sh('test fails', 'true'), says: /true/ },
    { why: 'is to be stopped and does not run', text: '<!-- test stop bob.home -->\n', says: /nothing runs/ },
    { why: 'ends and should stay', text: sh('test background', 'true'), says: /no line like/ },
  ]) {
    it(`fails when a command ${why}`, () => assert.rejects(followText(text), says));
  }
});
