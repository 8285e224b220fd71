// The process of the relay command.

import { runCommandLine } from './command-line.ts';
import type { CommandContext } from './context.ts';
import { screenOf } from './terminal.ts';

/** What has been closed needs no longer than this to let go of the process. */
const EXIT_LIMIT_MS = 2_000;

// A reader that went away (`relay … | head`) must not end a server; writes to it are dropped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const context: CommandContext = {
  env: process.env,
  home: process.env['RELAY_HOME'],
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  screen: screenOf(process.stdout, process.env),
  readStdin: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  },
};

process.exitCode = await runCommandLine(process.argv.slice(2), context);
setTimeout(() => process.exit(), EXIT_LIMIT_MS).unref();
