// Where a program file is looked up, and which files are programs. cli.md §1.8 and §6.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { nearest } from './nearest.ts';
import { CommandFailure, RANK, UsageError } from './usage.ts';

export interface ProgramFile {
  /** As it is opened and shown. */
  readonly path: string;
  /** Taken from the examples beside the launcher: the path is worth telling. */
  readonly isExample: boolean;
}

/** FILE from the working directory; a bare name that does not exist there, from the examples beside the launcher. */
export function findProgramFile(
  file: string,
  home: string | undefined,
  commands: readonly string[],
): ProgramFile {
  if (isFile(file)) {
    checkExtension(file);
    return { path: file, isExample: false };
  }
  const isBare = path.basename(file) === file;
  if (isBare && home !== undefined) {
    const example = path.join(home, 'examples', file);
    if (isFile(example)) {
      checkExtension(example);
      const relative = path.relative(process.cwd(), example);
      return { path: relative.startsWith('..') ? example : relative, isExample: true };
    }
  }
  // A word without a dot was meant as a command.
  if (isBare && path.extname(file) === '' && !existsSync(file)) {
    const close = nearest(file, commands);
    throw new UsageError([
      {
        rank: RANK.files,
        text: `unknown command or file: ${file}`,
        ...(close === undefined ? {} : { advice: `did you mean ${close}?` }),
      },
    ]);
  }
  if (!existsSync(file)) throw new CommandFailure(`file ${file} does not exist`);
  throw new CommandFailure(`${file} is not a file`);
}

function checkExtension(file: string): void {
  const extension = path.extname(file);
  if (extension !== '.rl' && extension !== '.relay') {
    throw new CommandFailure(`unsupported file extension ${extension} (expected .relay or .rl)`);
  }
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
