// Goals beside what was reached, each a ratio of two figures of one run.

export interface Goal {
  readonly what: string;
  readonly goal: number;
  /** Whether the figure shall be at least or at most the goal. */
  readonly limit: 'at least' | 'at most';
  /** Undefined if something that it takes was not measured. */
  readonly reached: number | undefined;
}

export function isReached({ goal, limit, reached }: Goal): boolean {
  if (reached === undefined) return false;
  return limit === 'at least' ? reached >= goal : reached <= goal;
}

export function goalTable(goals: readonly Goal[]): string {
  const lines = goals.map((goal) => {
    const verdict = isReached(goal) ? 'yes' : 'no';
    return goal.reached === undefined
      ? `| ${goal.what} | ${goal.limit} ${goal.goal.toFixed(2)} | not measured | |`
      : `| ${goal.what} | ${goal.limit} ${goal.goal.toFixed(2)} | ${goal.reached.toFixed(2)} | ${verdict} |`;
  });
  return ['| ratio | goal | figure | reached |', '|---|---:|---:|---|', ...lines].join('\n');
}
