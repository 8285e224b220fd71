import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog, type LogFormat, type LogLevel } from './log.ts';

const clock = { wallNow: () => Date.parse('2026-11-22T10:58:50.368Z') };

function logged(format: LogFormat, level: LogLevel = 'debug') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format, write: (line) => lines.push(line), clock }) };
}

describe('a log', () => {
  it('writes text for people', () => {
    const { lines, log } = logged('text');
    log.info('peer joined', { peer: 'relay-b.com', ms: 1.5, url: 'ws://b:1/x', left: undefined, last: null });
    log.warn('two\nlines');
    log.error('odd', { text: 'a "b"\nc', empty: '' });
    assert.deepEqual(lines, [
      '2026-11-22T10:58:50.368Z info peer joined peer=relay-b.com ms=1.5 url=ws://b:1/x last=null\n',
      '2026-11-22T10:58:50.368Z warn two lines\n',
      '2026-11-22T10:58:50.368Z error odd text="a \\"b\\"\\nc" empty=""\n',
    ]);
  });

  it('writes JSON for machines, whose first members no field can replace', () => {
    const { lines, log } = logged('json');
    log.debug('x', { level: 'none', n: 1 });
    assert.deepEqual(lines, [
      '{"time":"2026-11-22T10:58:50.368Z","level":"debug","message":"x","level_":"none","n":1}\n',
    ]);
  });

  it('leaves out what is below its level', () => {
    const { lines, log } = logged('text', 'warn');
    log.info('no');
    log.debug('no');
    log.warn('yes');
    assert.equal(lines.length, 1);
    assert.equal(log.isOn('warn'), true);
    assert.equal(log.isOn('info'), false);
  });

  it('masks what is named like a secret', () => {
    for (const format of ['text', 'json'] as const) {
      const { lines, log } = logged(format);
      log.info('x', {
        apiToken: 'hidden',
        Authorization: 'hidden',
        api_key: 'hidden',
        'set-cookie': 'hidden',
      });
      assert.doesNotMatch(lines.join(''), /hidden/);
    }
  });

  it('names its node in JSON, once there is one', () => {
    const lines: string[] = [];
    let node: string | undefined;
    const log = createLog({
      level: 'info',
      format: 'json',
      write: (line) => lines.push(line),
      clock,
      node: () => node,
    });
    log.info('before');
    node = 'relay-a.com';
    log.info('after', { n: 1 });
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).node),
      [undefined, 'relay-a.com'],
    );
  });

  it('follows one service or peer at a level of its own until the time is up', () => {
    let now = 0;
    const lines: string[] = [];
    const log = createLog({
      level: 'warn',
      format: 'text',
      write: (line) => lines.push(line.slice(25).trim()),
      clock: { wallNow: () => now },
    });
    assert.equal(log.isVerbose, false);
    log.follow({ service: 'blog' }, 'debug', 1_000);
    log.follow({ peer: 'relay-b.com' }, 'error', 500);
    assert.equal(log.isVerbose, true);
    log.debug('call', { service: 'blog' });
    log.debug('call', { service: 'shop' });
    log.debug('call', { peer: 'blog' });
    log.warn('lost', { peer: 'relay-b.com' });
    now = 500;
    log.warn('lost', { peer: 'relay-b.com' });
    log.debug('call', { service: 'blog' });
    now = 1_000;
    log.debug('call', { service: 'blog' });
    assert.deepEqual(lines, [
      'debug call service=blog',
      'warn lost peer=relay-b.com',
      'debug call service=blog',
    ]);
    assert.equal(log.isVerbose, false);
  });

  it('follows a bounded number of them', () => {
    const { log } = logged('text', 'warn');
    for (let n = 0; n < 100; n += 1) assert.equal(log.follow({ service: `s${n}` }, 'debug', 1_000), true);
    assert.equal(log.follow({ service: 'more' }, 'debug', 1_000), false);
    assert.equal(log.follow({ service: 's1' }, 'debug', 1_000), true);
  });
});
