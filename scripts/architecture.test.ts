import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { imports, LAYERS, ROOMS, violations } from './architecture.ts';

/** What the rules say of one file with this text. */
function check(file: string, text: string): string[] {
  const root = mkdtempSync(path.join(os.tmpdir(), 'relay-architecture-'));
  try {
    const full = path.join(root, 'packages', file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text);
    return violations(root).map((line) => line.slice(`packages/${file}: `.length));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

interface Row {
  readonly why: string;
  readonly file: string;
  readonly text: string;
}

const ALLOWED: readonly Row[] = [
  { why: 'a package below', file: 'host/src/a.ts', text: "import { x } from '@relay/language';" },
  {
    why: 'the testkit in a test',
    file: 'protocol/src/a.test.ts',
    text: "import { x } from '@relay/testkit';",
  },
  {
    why: 'Node.js in a test of a pure package',
    file: 'language/src/a.test.ts',
    text: "import fs from 'node:fs';",
  },
  {
    why: 'Node.js where a package is not pure',
    file: 'federation/src/link/a.ts',
    text: "import ws from 'ws';",
  },
  { why: 'a neighbour', file: 'federation/src/link/a.ts', text: "import { x } from './outbox.ts';" },
  { why: 'a file of src', file: 'federation/src/link/a.ts', text: "import { x } from '../options.ts';" },
  {
    why: 'a room that the table names',
    file: 'language/src/compile/a.ts',
    text: "import { x } from '../check/b.ts';",
  },
  {
    why: 'one file that the table names',
    file: 'language/src/check/a.ts',
    text: "import { x } from '../run/type.ts';",
  },
  {
    why: 'a folder that the table names',
    file: 'language/src/check/a.ts',
    text: "import { x } from '../run/builtins/list.ts';",
  },
  {
    why: 'types where the table says so',
    file: 'federation/src/gateway/a.ts',
    text: "import type { X } from '../nodes/b.ts';",
  },
  {
    why: 'types marked one by one',
    file: 'federation/src/gateway/a.ts',
    text: "import { type X, type Y } from '../nodes/b.ts';",
  },
  { why: 'any room in a root', file: 'federation/src/relay.ts', text: "import { x } from './gateway/b.ts';" },
  {
    why: 'any room in a test',
    file: 'language/src/syntax/a.test.ts',
    text: "import { x } from '../compile/b.ts';",
  },
  { why: 'time in the clock', file: 'federation/src/clock.ts', text: 'export const now = Date.now();' },
  { why: 'time in a test', file: 'federation/src/link/a.test.ts', text: 'setTimeout(run, 5);' },
  {
    why: 'time in a comment',
    file: 'language/src/run/a.ts',
    text: '// Not Date.now\n/* nor\n setTimeout */',
  },
  {
    why: 'a method of another thing',
    file: 'federation/src/link/a.ts',
    text: 'socket.setTimeout(5); new Date(0);',
  },
  { why: 'time on the host', file: 'host/src/a.ts', text: 'const start = performance.now();' },
];

const FORBIDDEN: readonly (Row & { readonly says: RegExp })[] = [
  {
    why: 'a package above',
    file: 'protocol/src/a.ts',
    text: "import { x } from '@relay/host';",
    says: /protocol may not import host/,
  },
  {
    why: 'a package beside, even for types',
    file: 'federation/src/a.ts',
    text: "import type { X } from '@relay/language';",
    says: /federation may not import language/,
  },
  {
    why: 'the testkit in code',
    file: 'host/src/a.ts',
    text: "import { x } from '@relay/testkit';",
    says: /host may not import testkit/,
  },
  {
    why: 'a package above in a test',
    file: 'language/src/a.test.ts',
    text: "import { x } from '@relay/host';",
    says: /language may not import host/,
  },
  {
    why: 'a file inside another package',
    file: 'host/src/a.ts',
    text: "import { x } from '@relay/protocol/src/link.ts';",
    says: /inside another package/,
  },
  {
    why: 'the same by a path',
    file: 'host/src/a.ts',
    text: "import { x } from '../../protocol/src/link.ts';",
    says: /outside of the package/,
  },
  {
    why: 'a package without a row',
    file: 'extra/src/a.ts',
    text: "import { x } from '@relay/protocol';",
    says: /extra is missing in LAYERS/,
  },
  {
    why: 'Node.js in a pure package',
    file: 'language/src/a.ts',
    text: "import { x } from 'node:fs';",
    says: /pure and may not import node:fs/,
  },
  {
    why: 'third-party code in a pure package',
    file: 'client/src/a.ts',
    text: "export * from 'left-pad';",
    says: /pure and may not import left-pad/,
  },
  {
    why: 'an import over several lines',
    file: 'protocol/src/a.ts',
    text: "import {\n  x,\n} from 'ws';",
    says: /may not import ws/,
  },
  {
    why: 'an import for its effect',
    file: 'protocol/src/a.ts',
    text: "import 'ws';",
    says: /may not import ws/,
  },
  {
    why: 'a dynamic import',
    file: 'protocol/src/a.ts',
    text: "const x = await import('ws');",
    says: /may not import ws/,
  },
  {
    why: 'a room above',
    file: 'language/src/syntax/a.ts',
    text: "import { x } from '../check/b.ts';",
    says: /syntax may not import check\/b.ts/,
  },
  {
    why: 'a value where only types may be',
    file: 'language/src/run/a.ts',
    text: "import { x } from '../check/service-interface.ts';",
    says: /run may not import check/,
  },
  {
    why: 'types of another file',
    file: 'language/src/run/a.ts',
    text: "import type { X } from '../check/infer.ts';",
    says: /run may not import types of check\/infer.ts/,
  },
  {
    why: 'a value among types',
    file: 'federation/src/gateway/a.ts',
    text: "import { type X, y } from '../nodes/b.ts';",
    says: /gateway may not import nodes/,
  },
  {
    why: 'the gateway in the registry',
    file: 'federation/src/registry/a.ts',
    text: "import { x } from '../gateway/b.ts';",
    says: /registry may not import gateway/,
  },
  {
    why: 'a root in a room',
    file: 'federation/src/link/a.ts',
    text: "import { x } from '../relay.ts';",
    says: /link may not import relay.ts/,
  },
  {
    why: 'a room in a file of src that is no root',
    file: 'federation/src/options.ts',
    text: "import { x } from './link/b.ts';",
    says: /only index.ts, relay.ts/,
  },
  {
    why: 'a room without a row',
    file: 'federation/src/attic/a.ts',
    text: "import { x } from '../link/b.ts';",
    says: /attic is missing in ROOMS/,
  },
  ...[
    'Date.now()',
    'new Date()',
    'Math.random()',
    'performance.now()',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
    'globalThis.setTimeout(f, 1)',
    'setImmediate(f)',
  ].map((text) => ({
    why: text,
    file: 'federation/src/link/a.ts',
    text: `const x = ${text};`,
    says: /take a Clock or a Random/,
  })),
];

describe('the architecture', () => {
  for (const { why, file, text } of ALLOWED) {
    it(`allows ${why}`, () => assert.deepEqual(check(file, text), []));
  }

  for (const { why, file, text, says } of FORBIDDEN) {
    it(`forbids ${why}`, () => {
      const found = check(file, text);
      assert.equal(found.length, 1);
      assert.match(found[0] ?? '', says);
    });
  }

  it('finds every import of a file', () => {
    const text =
      "import a from 'a';\nimport type { B } from 'b';\nexport * from 'c';\nexport const d = 1;\nimport 'e';\n";
    assert.deepEqual(
      imports(text).map(({ target, isTypeOnly }) => `${target} ${isTypeOnly}`),
      ['a false', 'b true', 'c false', 'e false'],
    );
  });

  it('has no circle of packages, and names only packages and rooms it knows', () => {
    const above = new Set<string>();
    const visit = (name: string): void => {
      assert.ok(!above.has(name), `circle through ${name}`);
      above.add(name);
      for (const below of LAYERS[name] ?? assert.fail(`no package ${name}`)) visit(below);
      above.delete(name);
    };
    for (const name of Object.keys(LAYERS)) visit(name);
    for (const { rooms } of Object.values(ROOMS)) {
      for (const rule of Object.values(rooms).flat()) {
        assert.ok((rule.replace('types:', '').split('/')[0] ?? '') in rooms, rule);
      }
    }
  });
});
