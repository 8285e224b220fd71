import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { SourceMap, setSourceMapsSupport } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { callTrace, createRuntime, type Effects, runProgram } from '@relay/language';
import { loadRelayProgram } from './load.ts';
import { importProgram } from './program-module.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'relay-map-'));
after(() => rmSync(folder, { recursive: true }));

const TEXT = `fn outer(n) {
    set twice = n * 2
    inner(twice)
}
fn inner(n) {
    [1].get(n)
}
outer(4)
`;

function load(name: string): { readonly code: string; readonly url: string } {
  const file = path.join(folder, name);
  writeFileSync(file, TEXT);
  const loaded = loadRelayProgram(file);
  assert(loaded.ok);
  return { code: loaded.program.code, url: pathToFileURL(file).href };
}

async function failureOf(code: string): Promise<Error> {
  const module = await importProgram(code);
  try {
    await runProgram(module, createRuntime({} as Effects));
  } catch (thrown) {
    assert(thrown instanceof Error);
    return thrown;
  }
  assert.fail('it did not fail');
}

describe('source maps', () => {
  it('make stack traces name lines of the program', async () => {
    const { code, url } = load('stack.rl');
    setSourceMapsSupport(true);
    try {
      const failure = await failureOf(code);
      const frames = [...(failure.stack ?? '').matchAll(/\((.*?\.rl):(\d+)/g)];
      assert.deepEqual(
        frames.map(([, file, line]) => [file, Number(line)]),
        [6, 3, 8].map((line) => [fileURLToPath(url), line]),
      );
      assert.deepEqual(callTrace(failure), ['inner', 'outer']);
    } finally {
      setSourceMapsSupport(false);
    }
  });

  it('lead the inspector from compiled code to the line it stops at', async () => {
    const { code, url } = load('inspect.rl');
    const session = new inspector.Session();
    session.connect();
    try {
      const maps = new Map<string, string>();
      const places: unknown[] = [];
      session.on('Debugger.scriptParsed', ({ params }) => {
        if (params.sourceMapURL !== undefined) maps.set(params.scriptId, params.sourceMapURL);
      });
      session.on('Debugger.paused', ({ params }) => {
        for (const { location } of params.callFrames) {
          const text = maps.get(location.scriptId)?.split('base64,')[1];
          if (text === undefined) continue;
          const map = new SourceMap(JSON.parse(Buffer.from(text, 'base64').toString()));
          const found = map.findEntry(location.lineNumber, 0) as {
            originalSource: string;
            originalLine: number;
          };
          if (found.originalSource === url) places.push(found.originalLine + 1);
        }
      });
      session.post('Debugger.enable');
      session.post('Debugger.setPauseOnExceptions', { state: 'all' });
      await failureOf(code);
      // It stops where the failure is thrown, and at each place that passes it on.
      assert.deepEqual(places.slice(0, 3), [6, 3, 8]);
    } finally {
      session.disconnect();
    }
  });
});
