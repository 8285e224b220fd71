// relay repl: the prompt at a terminal, with history, completion and Ctrl+C; or at the end of a pipe, without all that.

import readline from 'node:readline';
import { systemClock } from '@relay/federation';
import { ReplSession } from '@relay/host';
import type { CommandContext } from '../context.ts';
import type { ProgramFile } from '../program-file.ts';
import { VERSION } from '../version.ts';
import { MAX_HISTORY_LINES, readHistory, writeHistory } from './repl-history.ts';
import { Prompt } from './repl-prompt.ts';

export async function repl(file: ProgramFile | undefined, context: CommandContext): Promise<number> {
  const session = new ReplSession({
    clock: systemClock,
    folder: process.cwd(),
    print: (line) => context.out(`${line}\n`),
    log: (level, line) => context.err(`${level} ${line}\n`),
  });
  const isTerminal = process.stdin.isTTY === true && context.screen.isTerminal;
  const prompt = new Prompt({
    session,
    out: (line) => context.out(`${line}\n`),
    err: (line) => context.err(`${line}\n`),
    // To the first column of an empty screen; a pipe has no screen.
    clear: () => context.out(isTerminal ? '\u001b[H\u001b[2J\u001b[3J' : ''),
  });
  try {
    const end = isTerminal
      ? (ready: Promise<void>) => atTerminal(prompt, session, context, ready)
      : (ready: Promise<void>) => fromPipe(prompt, session, ready);
    if (isTerminal) context.out(`Relay v${VERSION}. :help lists commands, :quit leaves.\n`);
    return await end(file === undefined ? Promise.resolve() : start(file, prompt, context));
  } finally {
    await session.close();
  }
}

async function start(file: ProgramFile, prompt: Prompt, context: CommandContext): Promise<void> {
  context.out(`Executing ${file.path}...\n`);
  await prompt.load(file.path);
}

/** Lines may come faster than they are run: they wait in a row. */
async function atTerminal(
  prompt: Prompt,
  session: ReplSession,
  context: CommandContext,
  ready: Promise<void>,
): Promise<number> {
  const dataDir = context.env['RELAY_DATA_DIR'] || '.relay';
  const terminal = readline.createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    history: readHistory(dataDir),
    historySize: MAX_HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string) => prompt.complete(line) as [string[], string],
  });
  const ask = (): void => {
    terminal.setPrompt(prompt.text);
    terminal.prompt();
  };
  const ended = Promise.withResolvers<void>();
  let work = ready;
  let isClosed = false;
  terminal.on('history', (lines: string[]) => writeHistory(dataDir, lines));
  terminal.on('line', (line) => {
    work = work
      .then(async () => {
        if (prompt.isOver) return;
        await prompt.line(line);
        if (prompt.isOver) terminal.close();
        else if (!isClosed) ask();
      })
      .catch(ended.reject);
  });
  terminal.on('SIGINT', () => {
    if (session.interrupt()) return;
    prompt.cancel();
    context.out('^C\n');
    // The line is cleared from its end, wherever the cursor is.
    terminal.write(null, { ctrl: true, name: 'e' });
    terminal.write(null, { ctrl: true, name: 'u' });
    ask();
  });
  terminal.on('close', () => {
    isClosed = true;
    if (!prompt.isOver) context.out('\n');
    // Whoever leaves does not wait for what runs.
    session.interrupt();
    void work.then(ended.resolve);
  });
  await ready;
  ask();
  await ended.promise;
  return 0;
}

const INTERRUPTED = 130;

async function fromPipe(prompt: Prompt, session: ReplSession, ready: Promise<void>): Promise<number> {
  let input: readline.Interface | undefined;
  let isInterrupted = false;
  const interrupt = (): void => {
    if (session.interrupt()) return;
    isInterrupted = true;
    input?.close();
  };
  process.on('SIGINT', interrupt);
  try {
    await ready;
    // Not before: lines that nobody waits for yet are lost.
    input = readline.createInterface({ input: process.stdin, terminal: false });
    for await (const line of input) {
      await prompt.line(line);
      if (prompt.isOver || isInterrupted) break;
    }
    if (isInterrupted) return INTERRUPTED;
    if (!prompt.isOver) await prompt.end();
    return 0;
  } finally {
    process.off('SIGINT', interrupt);
    input?.close();
    process.stdin.unref?.();
  }
}
