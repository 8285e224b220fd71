// Usage errors: what is wrong, what to do about it, and where all flags are explained. cli.md §6.

/** One thing wrong with the command line or the environment. */
export interface UsageProblem {
  /** Place in the table of cli.md §6: problems are printed in that order. */
  readonly rank: number;
  readonly text: string;
  readonly advice?: string;
  /** Print the short usage text as well. */
  readonly showsUsage?: boolean;
}

/** Ranks beyond the conflicts, which count from 1 in table order. */
export const RANK = Object.freeze({
  badValue: 100,
  missingValue: 200,
  repeated: 300,
  unknown: 400,
  files: 500,
});

/** Ends the command with exit code 2 before anything was started. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly problems: readonly UsageProblem[];

  constructor(problems: readonly UsageProblem[]) {
    super(problems.map((problem) => problem.text).join('; '));
    this.problems = problems.toSorted((a, b) => a.rank - b.rank);
  }
}

/** A failure that a person can act on: printed as one line, without a stack. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageError(text: string, advice?: string): UsageError {
  return new UsageError([{ rank: RANK.files, text, ...(advice === undefined ? {} : { advice }) }]);
}

export function renderUsageError(error: UsageError, usage: string): string {
  const lines: string[] = [];
  for (const { text, advice } of error.problems) {
    lines.push(`Error: ${text}`);
    if (advice !== undefined) lines.push(advice);
  }
  if (error.problems.some((problem) => problem.showsUsage)) lines.push(usage);
  lines.push("Run './relay -help' for all flags.");
  return `${lines.join('\n')}\n`;
}
