import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openNodeFolder } from '../data-directory.ts';
import { runInProcess } from '../testing.ts';

const root = mkdtempSync(path.join(tmpdir(), 'relay-state-command-'));
after(() => rmSync(root, { recursive: true, force: true }));
const dataDir = path.join(root, 'data');
const env = { RELAY_DATA_DIR: dataDir };
const exported = path.join(root, 'state.json');
const STATE =
  '{"relay_state": 1, "servers": {"s": {"n": 1, "at": {"_type": "datetime", "value": "2024-01-02T03:04:05.000Z"}}, "t": {"m": [1, 2]}}}';

const state = (...argv: string[]) => runInProcess(['state', ...argv], env);
const openFolder = () => openNodeFolder({ dataDir, role: 'home', nodeId: 'alice.home', file: undefined });

before(() => {
  mkdirSync(dataDir);
  openFolder().release();
  writeFileSync(exported, STATE);
});

describe('relay state', () => {
  it('imports, shows, exports and forgets', async () => {
    assert.match((await state('show', 'alice.home')).err, /Error: node alice\.home has no stored state/);
    assert.equal((await state('import', 'alice.home', exported)).out, 'Imported into alice.home: s, t\n');

    const shown = await state('show', 'alice.home');
    assert.match(shown.out, /^SERVER +FIELD +KIND +JSON BYTES +VALUE\n/);
    assert.match(shown.out, /^s +at +datetime +26 +2024-01-02T03:04:05\.000Z$/m);
    assert.match(shown.out, /^t +m +array +5 +\[1, 2\]$/m);

    const whole = await state('export', path.join(dataDir, 'alice.home'));
    assert.deepEqual(JSON.parse(whole.out), JSON.parse(STATE));
    const copy = path.join(root, 'copy.json');
    assert.equal((await state('export', 'alice.home', copy)).code, 0);
    assert.equal(readFileSync(copy, 'utf8'), whole.out);
    assert.equal((await state('import', 'alice.home', copy)).code, 0);
    assert.equal((await state('export', 'alice.home')).out, whole.out);
    assert.deepEqual(
      Object.keys(JSON.parse((await state('export', 'alice.home', '--server', 't')).out).servers),
      ['t'],
    );

    assert.equal((await state('reset', 'alice.home')).code, 2);
    assert.equal((await state('reset', 'alice.home', '--server', 's', '--yes')).code, 0);
    assert.doesNotMatch((await state('show', 'alice.home')).out, /^s /m);
    assert.equal((await state('reset', 'alice.home', '--yes')).out, 'Forgotten: all state of alice.home\n');
    assert.equal((await state('show', 'alice.home')).code, 1);
  });

  it('leaves a node that runs alone', async () => {
    const folder = openFolder();
    try {
      for (const argv of [['show'], ['export'], ['import', exported], ['reset', '--yes']]) {
        const [action = '', ...more] = argv;
        const { code, err } = await state(action, 'alice.home', ...more);
        assert.equal(code, 1);
        assert.equal(err, `Error: node alice.home is running (pid ${process.pid}); stop it first\n`);
      }
    } finally {
      folder.release();
    }
  });

  it('says what is wrong with a command', async () => {
    assert.match((await state('show', 'bob.home')).err, /no node bob\.home in .*; there are: alice\.home/);
    assert.match((await state('look', 'alice.home')).err, /needs one of show, export, import, reset/);
    assert.match((await state('import', 'alice.home')).err, /needs a file/);
    const broken = path.join(root, 'broken.json');
    writeFileSync(broken, '{"relay_state": 1,');
    assert.match((await state('import', 'alice.home', broken)).err, /is not JSON: .*; nothing was imported/);
    assert.match((await runInProcess(['state', '--help'])).out, /relay state show NODE/);
  });
});
