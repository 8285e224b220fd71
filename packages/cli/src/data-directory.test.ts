import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { type FolderRequest, openNodeFolder } from './data-directory.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'relay-data-'));
after(() => rmSync(root, { recursive: true }));

let next = 0;
function request(more: Partial<FolderRequest> = {}): FolderRequest {
  next += 1;
  return {
    dataDir: path.join(root, String(next)),
    role: 'main',
    nodeId: undefined,
    file: undefined,
    ...more,
  };
}

describe('the data directory', () => {
  it('keeps a generated id from start to start', () => {
    const same = request();
    const first = openNodeFolder(same);
    assert.match(first.nodeId, /^main-[0-9a-f]{16}$/);
    first.release();
    const second = openNodeFolder(same);
    assert.equal(second.nodeId, first.nodeId);
    assert.equal(second.isGenerated, true);
    second.release();
  });

  it('gives a second node started the same way its own id and folder, and keeps those too', () => {
    const same = request({ role: 'home', file: 'blog.rl' });
    const one = openNodeFolder(same);
    const two = openNodeFolder(same);
    assert.match(two.nodeId, /^home-[0-9a-f]{16}$/);
    assert.notEqual(one.nodeId, two.nodeId);
    assert.notEqual(one.path, two.path);
    one.release();
    two.release();
    const again = openNodeFolder(same);
    const twin = openNodeFolder(same);
    assert.deepEqual([again.nodeId, twin.nodeId], [one.nodeId, two.nodeId]);
    again.release();
    twin.release();
  });

  it('keeps the folder of a generated id when a person names the id, in any role', () => {
    const generated = request({ role: 'p2p', file: 'blog.rl' });
    const first = openNodeFolder(generated);
    const { dataDir } = generated;
    const named = request({ dataDir, role: 'home', file: 'blog.rl', nodeId: first.nodeId });
    assert.throws(() => openNodeFolder(named), /is already running here/);
    first.release();
    const second = openNodeFolder(named);
    second.release();
    assert.equal(second.path, first.path);
    const stranger = openNodeFolder({ ...named, nodeId: 'alice.home' });
    stranger.release();
    assert.equal(stranger.path, path.join(dataDir, 'alice.home'));
  });

  it('has one folder per role and program', () => {
    const blog = request({ role: 'home', file: 'blog.rl' });
    const paths = [blog, { ...blog, file: 'shop.rl' }, { ...blog, file: 'x/blog.rl' }].map((one) => {
      const folder = openNodeFolder(one);
      folder.release();
      return folder.path;
    });
    assert.equal(new Set(paths).size, 3);
  });

  it('has no prefix for a generated P2P id', () => {
    const folder = openNodeFolder(request({ role: 'p2p' }));
    assert.match(folder.nodeId, /^[0-9a-f]{16}$/);
    folder.release();
  });

  it('refuses a given id that is running', () => {
    const alice = request({ nodeId: 'alice.home' });
    const folder = openNodeFolder(alice);
    assert.equal(folder.isGenerated, false);
    assert.throws(() => openNodeFolder(alice), {
      message: `node alice.home is already running here (pid ${process.pid})`,
    });
    folder.release();
    folder.release();
    openNodeFolder(alice).release();
  });

  it('is free again after its process was killed', () => {
    const alice = request({ nodeId: 'alice.home' });
    const module = JSON.stringify(new URL('./data-directory.ts', import.meta.url).href);
    const code = `import { openNodeFolder } from ${module};
      openNodeFolder(${JSON.stringify({ ...alice })});
      process.kill(process.pid, 'SIGKILL');`;
    const child = [
      ...process.execArgv.filter((word) => word.startsWith('--conditions')),
      '--input-type=module',
    ];
    assert.throws(() => execFileSync(process.execPath, [...child, '-e', code]), { signal: 'SIGKILL' });
    openNodeFolder(alice).release();
  });

  it('says what to do when it cannot be written', () => {
    const file = path.join(root, 'a-file');
    writeFileSync(file, '');
    const { dataDir } = request({ dataDir: path.join(file, 'below') });
    assert.throws(() => openNodeFolder({ ...request(), dataDir }), {
      message: `cannot write to ${dataDir}: not a directory (set RELAY_DATA_DIR)`,
    });
  });
});
