// Every row of the error table, with its exact texts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Variables } from './environment.ts';
import { runInProcess } from './testing.ts';

const SEE = "Run './relay -help' for all flags.";
const HOME_LINE = './relay FILE -node-type home -connect ws://HOST:PORT';
const MAIN = 'ws://h:1';

async function usage(line: string, env: Variables = {}): Promise<string[]> {
  const { code, out, err } = await runInProcess(line === '' ? [] : line.split(' '), env);
  assert.equal(code, 2, err);
  assert.equal(out, '');
  return err.trimEnd().split('\n');
}

describe('usage errors', () => {
  const rows: readonly (readonly [line: string, text: string, advice?: string])[] = [
    [
      '-server -node-type home',
      'incompatible flags: -server and -node-type home',
      `-server starts a Main Relay; a Home only dials out: ${HOME_LINE}`,
    ],
    [
      `-server -connect ${MAIN}`,
      'incompatible flags: -server and -connect',
      'use -connect for a Home Relay, or -server -peers for a Main Relay',
    ],
    [
      `-node-type main -connect ${MAIN}`,
      'incompatible flags: -node-type main and -connect',
      'a Main Relay reaches other Mains with -peers',
    ],
    [
      `-fallback ${MAIN} -node-type main`,
      'incompatible flags: -node-type main and -fallback',
      '-fallback belongs to a Home Relay',
    ],
    [
      `-peers ${MAIN} -connect ${MAIN}`,
      'incompatible flags: -connect and -peers',
      'a Home has one Main; only Main Relays have peers',
    ],
    [
      `-connect ${MAIN} -add-peer http://h:1`,
      'incompatible flags: -connect and -add-peer',
      'a Home opens no P2P links',
    ],
    [
      `-node-type p2p -connect ${MAIN}`,
      'incompatible flags: -node-type p2p and -connect',
      'P2P mode has no federation; use -add-peer',
    ],
    [
      `-node-type p2p -fallback ${MAIN}`,
      'incompatible flags: -node-type p2p and -fallback',
      'P2P mode has no federation; use -add-peer',
    ],
    [
      `-node-type p2p -peers ${MAIN}`,
      'incompatible flags: -node-type p2p and -peers',
      'P2P mode has no federation; use -add-peer',
    ],
    ['-node-type home', 'missing flag: -node-type home needs -connect', HOME_LINE],
    [`-fallback ${MAIN}`, 'missing flag: -fallback needs -connect', HOME_LINE],
    [
      `-connect ${MAIN} -uplinks 2`,
      'missing flag: -uplinks 2 needs -fallback',
      'name a second Main Relay: -fallback ws://HOST:PORT',
    ],
    [
      `-disable-registry -connect ${MAIN}`,
      'incompatible flags: -disable-registry and -connect',
      '-disable-registry runs a stand-alone server',
    ],
    [
      '-node-type p2p -disable-registry',
      'incompatible flags: -disable-registry and -node-type p2p',
      '-disable-registry runs a stand-alone server',
    ],
    [
      '-server -repl',
      'incompatible flags: -repl and -server',
      'start the server in one terminal and use relay call in another',
    ],
    ['-build a.rl -server', 'incompatible flags: -build and -server'],
    ['-build a.rl -repl', 'incompatible flags: -build and -repl'],
    ['-node-type x', 'invalid value "x" for flag -node-type: must be main, home or p2p'],
    ['-server -port abc', 'invalid value "abc" for flag -port: must be a number from 0 to 65535'],
    ['-server -port 65536', 'invalid value "65536" for flag -port: must be a number from 0 to 65535'],
    ['-server -port -1', 'invalid value "-1" for flag -port: must be a number from 0 to 65535'],
    [`-connect ${MAIN} -uplinks 3`, 'invalid value "3" for flag -uplinks: must be 1 or 2'],
    ['-server -admission x', 'invalid value "x" for flag -admission: must be open, invite or closed'],
    ['-server=maybe', 'invalid value "maybe" for flag -server: must be true or false'],
    [
      '-server -node-id .x',
      `invalid value ".x" for flag -node-id: use 1 to 128 letters, digits, '.', '_' or '-', beginning and ending with a letter, digit or '_'`,
    ],
    ['-server -node-id local', 'invalid value "local" for flag -node-id: "local" is reserved'],
    ['-server -node-id client', 'invalid value "client" for flag -node-id: "client" is reserved'],
    ['-server -port', 'flag needs an argument: -port'],
    ['-server -port=', 'flag needs an argument: -port'],
    ['-connect -node-id x', 'flag needs an argument: -connect'],
    ['-server -port 1 --port=2', 'flag given twice: -port'],
    ['a.rl b.rl', 'only one program file can be run: a.rl, b.rl'],
    ['a.rl -run b.rl', 'only one program file can be run: a.rl, b.rl'],
    [
      '-connect ftp://x',
      'invalid URL "ftp://x" for -connect: use ws://, wss://, http://, https:// or HOST:PORT',
    ],
    [
      '-peers h:1,ftp://x',
      'invalid URL "ftp://x" for -peers: use ws://, wss://, http://, https:// or HOST:PORT',
    ],
    [
      '-connect dns://x',
      'invalid URL "dns://x" for -connect: use ws://, wss://, http://, https:// or HOST:PORT',
    ],
    ['-connect ws://a,ws://b', '-connect takes one Main Relay; list the others in -fallback'],
  ];
  for (const [line, text, advice] of rows) {
    it(`refuses ${line}`, async () => {
      assert.deepEqual(await usage(line), [`Error: ${text}`, ...(advice === undefined ? [] : [advice]), SEE]);
    });
  }

  it('suggests the flag that was probably meant, and shows the usage', async () => {
    const lines = await usage('-prot 8080');
    assert.equal(lines[0], 'Error: flag provided but not defined: -prot');
    assert.equal(lines[1], 'did you mean -port?');
    assert.match(lines[2] ?? '', /^Usage: relay/);
    assert.equal(lines.at(-1), SEE);
  });

  it('prints several conflicts in the order of the table, whatever the order typed', async () => {
    assert.deepEqual(await usage(`-peers ${MAIN} -node-type home -server -connect ${MAIN}`), [
      'Error: incompatible flags: -server and -node-type home',
      `-server starts a Main Relay; a Home only dials out: ${HOME_LINE}`,
      'Error: incompatible flags: -server and -connect',
      'use -connect for a Home Relay, or -server -peers for a Main Relay',
      'Error: incompatible flags: -connect and -peers',
      'a Home has one Main; only Main Relays have peers',
      'Error: incompatible flags: -node-type home and -peers',
      'a Home has one Main; only Main Relays have peers',
      SEE,
    ]);
  });

  it('names a flag from the environment by its variable', async () => {
    const env = { RELAY_SERVER: '1', RELAY_CONNECT: MAIN };
    assert.equal((await usage('', env))[0], 'Error: incompatible flags: RELAY_SERVER and RELAY_CONNECT');
    assert.equal(
      (await usage('-server', { RELAY_PORT: 'x' }))[0],
      'Error: invalid value "x" for RELAY_PORT: must be a number from 0 to 65535',
    );
  });

  it('gives the sub-commands the same errors', async () => {
    assert.equal((await usage('home'))[0], 'Error: missing flag: -node-type home needs -connect');
    assert.equal(
      (await usage(`main -connect ${MAIN}`))[0],
      'Error: incompatible flags: -server and -connect',
    );
    assert.equal((await usage('home -server'))[0], 'Error: incompatible flags: -server and -node-type home');
  });

  it('suggests the command that was probably meant', async () => {
    assert.deepEqual(await usage('statsu'), [
      'Error: unknown command or file: statsu',
      'did you mean status?',
      SEE,
    ]);
  });
});
