import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProcess } from '@relay/testkit';
import { renderServiceUnit, type ServiceUnit } from '../service-unit.ts';
import { runInProcess } from '../testing.ts';

const HOME = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

const install = (line: string, env: Record<string, string> = {}) =>
  runInProcess(['install-service', ...line.split(' ')], env, { home: HOME });

const MAIN = '-- -server -node-type main -node-id relay-a.com -peers ws://relay-b.com:8080';

interface Folder extends Disposable {
  readonly path: string;
}

function temporaryFolder(): Folder {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'relay-unit-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function settings(unit: string, name: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1] ?? '');
}

describe('relay install-service', () => {
  it('prints the unit of a Main that runs as a user of its own, in a box', async () => {
    const { code, out, err } = await install(`--print ${MAIN}`);
    assert.deepEqual({ code, err }, { code: 0, err: '' });
    for (const line of [
      'Description=Relay node relay-a.com',
      `ExecStart=${HOME}/relay -server -node-type main -node-id relay-a.com -peers ws://relay-b.com:8080`,
      'User=relay',
      'StateDirectory=relay-relay-a.com',
      'Environment=RELAY_DATA_DIR=%S/relay-relay-a.com',
      'EnvironmentFile=-/etc/relay/relay-a.com.env',
      'Restart=on-failure',
      'RestartPreventExitStatus=2 3',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'CapabilityBoundingSet=',
      'WantedBy=multi-user.target',
    ]) {
      assert.ok(out.split('\n').includes(line), line);
    }
  });

  it('names the program by its whole path, and takes the words of a sub-command', async () => {
    const { out } = await install('--print -- home blog.rl --connect relay-a.com');
    assert.deepEqual(settings(out, 'ExecStart'), [
      `${HOME}/relay -node-type home ${HOME}/examples/blog.rl --connect relay-a.com`,
    ]);
    assert.deepEqual(settings(out, 'WorkingDirectory'), [`${HOME}/examples`]);
    assert.deepEqual(settings(out, 'StateDirectory'), ['relay-blog']);
  });

  it('lets systemd wait longer than the node drains', async () => {
    assert.deepEqual(settings((await install(`--print ${MAIN}`)).out, 'TimeoutStopSec'), ['45']);
    const { out } = await install(`--print ${MAIN}`, { RELAY_DRAIN_SECONDS: '90' });
    assert.deepEqual(settings(out, 'TimeoutStopSec'), ['105']);
    assert.ok(settings(out, 'Environment').includes('RELAY_DRAIN_SECONDS=90'));
  });

  it('asks for the one capability that a low port needs', async () => {
    const { out } = await install('--print -- -server -port 443');
    assert.deepEqual(settings(out, 'AmbientCapabilities'), ['CAP_NET_BIND_SERVICE']);
  });

  it('makes a unit of the user, which needs no rights that users lack', async () => {
    const { out } = await install(`--user --print ${MAIN}`);
    assert.deepEqual(settings(out, 'User'), []);
    assert.deepEqual(settings(out, 'ProtectSystem'), []);
    assert.deepEqual(settings(out, 'NoNewPrivileges'), ['yes']);
    assert.deepEqual(settings(out, 'WantedBy'), ['default.target']);
    assert.deepEqual(settings(out, 'EnvironmentFile'), ['-%h/.config/relay/relay-a.com.env']);
  });

  it('warns of variables that the unit will not have, and never writes a secret into it', async () => {
    const { out, err } = await install(`--print ${MAIN}`, { RELAY_API_TOKEN: 's3cret' });
    assert.equal(
      err,
      'warning: RELAY_API_TOKEN is set here but not in the unit; put it into /etc/relay/relay-a.com.env\n',
    );
    assert.doesNotMatch(out, /s3cret/);
  });

  it('writes the unit once, leaves one that differs, and replaces it with --force', async () => {
    using folder = temporaryFolder();
    const file = path.join(folder.path, 'relay-relay-a.com.service');
    const line = `--user --directory ${folder.path} ${MAIN}`;
    const first = await install(line);
    assert.equal(first.code, 0);
    assert.match(first.out, /: written\n[\s\S]*systemctl --user enable --now relay-relay-a\.com\.service/);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    assert.match((await install(line)).out, /: unchanged\n/);
    writeFileSync(file, 'by hand\n');
    const refused = await install(line);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /exists and differs; --print shows the new one, --force replaces it/);
    assert.equal(readFileSync(file, 'utf8'), 'by hand\n');
    assert.equal((await install(`--force ${line}`)).code, 0);
    assert.match(readFileSync(file, 'utf8'), /^\[Unit\]/);
  });

  for (const [why, line, code, text] of [
    ['no line of a node', '--print', 2, /the line of the node stands after --/],
    ['words before --', `--print main ${MAIN}`, 2, /the line of the node stands after --/],
    ['a line that starts no node', '-- check blog.rl', 2, /not the line of a node: check blog\.rl/],
    ['a program alone', '--print -- blog.rl', 2, /not the line of a node: blog\.rl/],
    ['a flag that no node knows', '--print -- -server -prot 80', 2, /-prot[\s\S]*did you mean -port\?/],
    ['a program that is not there', '--print -- nothing.rl -connect h', 1, /file nothing\.rl does not exist/],
    ['a name with a slash', `--print --name a/b ${MAIN}`, 2, /invalid value "a\/b" for flag -name/],
    ['a user who is not there', `--run-as no-such-user ${MAIN}`, 1, /no user no-such-user; create it/],
    ['a folder that is not there', `--user --directory /no/such ${MAIN}`, 1, /cannot write \/no\/such/],
  ] as const) {
    it(`says what is wrong with ${why}`, async () => {
      const result = await install(line);
      assert.equal(result.code, code, result.err);
      assert.match(result.err, text);
    });
  }
});

describe('the unit', () => {
  it('passes systemd-analyze verify, for the machine and for a user, whatever is in its words', async (context) => {
    if (isMissing(context)) return;
    using folder = temporaryFolder();
    const odd = path.join(folder.path, 'a "b" $HOME 50%\\c');
    mkdirSync(odd);
    writeFileSync(path.join(odd, 'x.rl'), 'server s { receive fn f() { 1 } }\n');
    const line = ['--', path.join(odd, 'x.rl'), '-connect', 'relay-a.com'];
    for (const scope of [[], ['--user']]) {
      // The user of this test stands for `relay`.
      const words = ['install-service', ...scope, '--run-as', os.userInfo().username, '--print', ...line];
      const { out } = await runInProcess(words, {}, { home: HOME });
      const { status, problems } = verify(folder.path, out);
      assert.deepEqual({ status, problems }, { status: 0, problems: '' });
    }
    // Negative control: verify would notice.
    const wrong = verify(folder.path, renderServiceUnit({ ...UNIT, command: ['/no/such/program'] }));
    assert.match(wrong.problems, /\/no\/such\/program/);
    const unknown = verify(
      folder.path,
      renderServiceUnit(UNIT).replace('NoNewPrivileges', 'NoOldPrivileges'),
    );
    assert.match(unknown.problems, /Unknown key.*'NoOldPrivileges'/);
  });

  it('leaves little to an attacker by the measure of systemd-analyze security', async (context) => {
    if (isMissing(context)) return;
    using folder = temporaryFolder();
    const exposure = (text: string): number => {
      const file = path.join(folder.path, 'relay-x.service');
      writeFileSync(file, text);
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', file], {
        encoding: 'utf8',
      });
      return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    };
    // 10 is no protection; systemd calls what is below 5 medium and below 3 OK.
    assert.ok(exposure(renderServiceUnit(UNIT)) < 2.5, `${exposure(renderServiceUnit(UNIT))}`);
    assert.ok(exposure('[Service]\nExecStart=/bin/true\n') > 9);
  });

  it('starts a node that stops by the signal of systemd with 0', async () => {
    using folder = temporaryFolder();
    const { out } = await install('--print -- -server -port 0 -node-id relay-a.com');
    const [program = '', ...words] = settings(out, 'ExecStart')[0]?.split(' ') ?? [];
    const env: Record<string, string> = {};
    for (const setting of settings(out, 'Environment')) {
      const [name = '', value = ''] = setting
        .replace('%S', folder.path)
        .replace('%C', folder.path)
        .split('=');
      env[name] = value;
    }
    await using node = startProcess(program, words, { cwd: settings(out, 'WorkingDirectory')[0] ?? '', env });
    await node.waitForLine(/^Press Ctrl\+C to stop$/, 40_000);
    assert.ok(statSync(path.join(folder.path, 'relay-relay-a.com', 'relay-a.com')).isDirectory());
    assert.deepEqual(await node.stop(40_000), { code: 0, signal: null });
  });
});

const UNIT: ServiceUnit = {
  name: 'x',
  manager: 'system',
  user: os.userInfo().username,
  command: [path.join(HOME, 'relay'), '-server'],
  workingDirectory: HOME,
  drainSeconds: 30,
  needsLowPort: false,
};

function verify(folder: string, text: string): { status: number | null; problems: string } {
  const file = path.join(folder, 'relay-x.service');
  writeFileSync(file, text);
  const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
    encoding: 'utf8',
  });
  // Other units of the machine are none of ours.
  const problems = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('relay-x'));
  return { status, problems: problems.join('\n') };
}

function isMissing(context: TestContext): boolean {
  if (spawnSync('systemd-analyze', ['--version']).error === undefined) return false;
  assert.equal(process.env['CI'], undefined, 'systemd-analyze is missing: apt-get install systemd');
  context.skip('systemd-analyze is missing: apt-get install systemd');
  return true;
}
