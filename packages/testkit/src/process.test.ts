import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startProcess } from './process.ts';
import { waitFor } from './wait.ts';

const node = (code: string, options = {}) => startProcess(process.execPath, ['-e', code], options);

/** A process that has ended and waits for its parent to ask how is not running. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

describe('startProcess', () => {
  it('collects lines and waits for one of them', async () => {
    await using child = node(
      "console.log('one\\ntwo'); console.error('port 4711'); setInterval(() => {}, 1000)",
    );
    const match = await child.waitForLine(/port (\d+)/);
    assert.equal(match[1], '4711');
    await child.waitForLine(/^two$/);
    assert.deepEqual(child.stdout, ['one', 'two']);
    assert.deepEqual(await child.stop(), { code: null, signal: 'SIGTERM' });
  });

  it('says at once what was printed when a process ends without the line', async () => {
    await using child = node("console.error('Error: no such file'); process.exitCode = 3");
    await assert.rejects(
      child.waitForLine(/ready/),
      /no line like \/ready\/: ended with 3\nError: no such file$/,
    );
    assert.equal((await child.exited).code, 3);
  });

  it('says so when a line does not come in time, or the command does not exist', async () => {
    await using child = node('setInterval(() => {}, 1000)');
    await assert.rejects(child.waitForLine(/ready/, 50), /waited 50 ms for a line like/);
    await using none = startProcess('no-such-command-of-relay', []);
    await assert.rejects(none.waitForLine(/ready/), /ENOENT/);
  });

  it('passes on input and environment, and no trace of the test runner', async () => {
    await using child = node(
      "process.stdin.on('data', (text) => console.log(text + process.env.ANSWER + process.env.NODE_TEST_CONTEXT))",
      { input: 'hello ', env: { ANSWER: '42 ' } },
    );
    await child.waitForLine(/^hello 42 undefined$/);
    assert.deepEqual(await child.exited, { code: 0, signal: null });
  });

  it('kills what does not stop by itself', async () => {
    await using child = node(
      "process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1000)",
    );
    await child.waitForLine(/up/);
    assert.deepEqual(await child.stop(50), { code: null, signal: 'SIGKILL' });
  });

  for (const { why, end } of [
    { why: 'exits', end: 'process.exit(0)' },
    { why: 'is told to end', end: "process.kill(process.pid, 'SIGTERM')" },
  ]) {
    it(`leaves no child behind when the test process ${why}`, async () => {
      const module = JSON.stringify(import.meta.resolve('./process.ts'));
      await using parent = startProcess(process.execPath, [
        '--conditions=relay-source',
        '--input-type=module',
        '-e',
        `const { startProcess } = await import(${module});
       console.log('child ' + startProcess(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid);
       setTimeout(() => ${end}, 50);`,
      ]);
      const pid = Number((await parent.waitForLine(/child (\d+)/))[1]);
      await parent.exited;
      await waitFor(() => !isRunning(pid), { what: 'the child to end', limitMs: 5000 });
    });
  }
});

describe('waitFor', () => {
  it('waits until something holds, and says what never did', async () => {
    let isDone = false;
    setTimeout(() => {
      isDone = true;
    }, 20);
    await waitFor(() => isDone);
    await assert.rejects(
      waitFor(() => false, { limitMs: 20, what: 'the moon' }),
      /waited 20 ms for the moon/,
    );
  });
});
