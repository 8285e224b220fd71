import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { readNodeEnvironment } from './environment.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-env-'));
after(() => rmSync(folder, { recursive: true }));

describe('the environment', () => {
  it('has defaults', () => {
    const { value, problems } = readNodeEnvironment({});
    assert.deepEqual(problems, []);
    assert.deepEqual(value, {
      dataDir: '.relay',
      logLevel: 'info',
      logFormat: 'text',
      drainMs: 30_000,
      resolve: new Map(),
    });
  });

  it('reads credentials from files, without their last line break', () => {
    const file = path.join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    const { value } = readNodeEnvironment({
      RELAY_TOKEN_FILE: file,
      RELAY_API_TOKEN: 'direct',
      RELAY_API_TOKEN_FILE: file,
    });
    assert.equal(value.token, 'from-file');
    assert.equal(value.apiToken, 'direct');
    const { problems } = readNodeEnvironment({ RELAY_ADMIN_TOKEN_FILE: path.join(folder, 'missing') });
    assert.match(problems[0]?.text ?? '', /^cannot read RELAY_ADMIN_TOKEN_FILE: /);
  });

  it('reads names to resolve', () => {
    const { value } = readNodeEnvironment({ RELAY_RESOLVE: 'Relay-A.com=127.0.0.1, b=::1,' });
    assert.deepEqual(
      [...value.resolve],
      [
        ['relay-a.com', '127.0.0.1'],
        ['b', '::1'],
      ],
    );
  });

  for (const [variable, text, reason] of [
    ['RELAY_RESOLVE', 'a=b', 'use NAME=IP,NAME=IP'],
    ['RELAY_LOG_LEVEL', 'loud', 'must be error, warn, info or debug'],
    ['RELAY_LOG_FORMAT', 'xml', 'must be text or json'],
    ['RELAY_DRAIN_SECONDS', 'soon', 'must be a number of seconds'],
  ] as const) {
    it(`refuses ${variable}=${text}`, () => {
      const { problems } = readNodeEnvironment({ [variable]: text });
      assert.deepEqual(
        problems.map((problem) => problem.text),
        [`invalid value "${text}" for ${variable}: ${reason}`],
      );
    });
  }
});
