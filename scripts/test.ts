// Runs the tests: scripts/run scripts/test.ts [--slow] [PATHS or parts of them] [flags of node --test]
// Code that needs no process of its own shares one; the rest gets a process per file. The last line is the total of all.
// The slow ones run if they are asked for: with --slow they and nothing else, and each when a path names it.

import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

interface Group {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly flags: readonly string[];
}

const SHARED = ['--test-isolation=none'];
const ISOLATED = ['--test-isolation=process', '--test-concurrency=2'];

/** Tests that follow whole pages and scripts, kill nodes many times, or wait for time to pass. */
const SLOW: Group = {
  name: 'slow',
  patterns: [
    'bench',
    'connections/nat',
    'connections/admission',
    'deployment/*',
    'discovery/*',
    'documentation/pages',
    'documentation/site',
    'documentation/troubleshooting',
    'durability/*',
    'faults/*',
    'legacy/add-peer',
    'legacy/rollback',
    'legacy/scripts',
  ].map((name) => `test/${name}.test.ts`),
  flags: ISOLATED,
};

/** A file belongs to the first group that names it. */
const GROUPS: readonly Group[] = [
  SLOW,
  {
    name: 'pure packages',
    patterns: ['protocol', 'language', 'testkit'].map((name) => `packages/${name}/src/**/*.test.ts`),
    flags: SHARED,
  },
  { name: 'packages', patterns: ['packages/*/src/**/*.test.ts'], flags: ISOLATED },
  { name: 'scripts', patterns: ['scripts/*.test.ts'], flags: ISOLATED },
  { name: 'end to end', patterns: ['test/**/*.test.ts'], flags: ISOLATED },
];

const TEST_TIMEOUT_MS = 120_000;
/** Against a test that never gives the event loop back, which the timeout of a test cannot see. */
const GROUP_TIMEOUT_MS = 2_400_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads the totals at the end of a TAP report; what was cancelled has failed. */
export function countResults(tap: string): Count {
  const total = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return {
    passed: total('pass'),
    failed: total('fail') + total('cancelled'),
    skipped: total('skipped') + total('todo'),
  };
}

/** What the tests and files that did not load wrote; the dot reporter keeps it to itself. */
export function outputIn(tap: string): string {
  const lines = tap.split('\n').filter((line) => /^# (?!Subtest: |[a-z_]+ [\d.]+$)/.test(line));
  return lines.map((line) => line.slice(2)).join('\n');
}

async function runGroup(
  group: Group,
  files: readonly string[],
  flags: readonly string[],
  root: string,
): Promise<Count> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-test-'));
  const report = path.join(folder, 'report.tap');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  try {
    const child = spawn(
      process.execPath,
      [
        '--conditions=relay-source',
        '--test',
        ...group.flags,
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        '--test-reporter=dot',
        '--test-reporter-destination=stdout',
        '--test-reporter=tap',
        `--test-reporter-destination=${report}`,
        ...flags,
        ...files,
      ],
      { cwd: root, env, stdio: 'inherit', timeout: GROUP_TIMEOUT_MS, killSignal: 'SIGKILL' },
    );
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject).once('close', resolve);
    const code = await promise;
    const tap = readFileSync(report, 'utf8');
    const count = countResults(tap);
    if (code !== 0) console.log(outputIn(tap));
    // A process that died before its report was complete must not pass.
    if (code !== 0 && count.failed === 0) count.failed = 1;
    return count;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs all groups, or the files that `args` name; resolves with the exit code. */
export async function runTests(root: string, args: readonly string[]): Promise<number> {
  const flags = args.filter((arg) => arg.startsWith('-') && arg !== '--slow');
  const isSlow = args.includes('--slow');
  const parts = args.filter((arg) => !arg.startsWith('-')).map((part) => part.replace(/^\.\//, ''));
  const seen = new Set<string>();
  const sum: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const group of GROUPS) {
    const files = globSync([...group.patterns], { cwd: root })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => !seen.has(file) && (parts.length === 0 || parts.some((part) => file.includes(part))))
      .toSorted();
    for (const file of files) seen.add(file);
    if (files.length === 0 || (isSlow && group !== SLOW)) continue;
    if (group === SLOW && !isSlow && parts.length === 0) {
      console.log(`${files.length} slow files are left out; npm run test:slow runs them`);
      continue;
    }
    console.log(`${group.name}: ${files.length} files`);
    const count = await runGroup(group, files, flags, root);
    sum.passed += count.passed;
    sum.failed += count.failed;
    sum.skipped += count.skipped;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
  return sum.failed > 0 || sum.passed === 0 ? 1 : 0;
}

if (import.meta.main) {
  process.exitCode = await runTests(path.join(import.meta.dirname, '..'), process.argv.slice(2));
}
