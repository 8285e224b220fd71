/** `pure` < `reads` < `writes`; `calls` sends to other servers. Language.md §15. */
export type Effect = 'pure' | 'reads' | 'writes' | 'calls';

/** How strongly a function acts, whether it sends or not. */
export type Level = 'pure' | 'reads' | 'writes';

export interface InferredEffect {
  readonly level: Level;
  readonly sends: boolean;
}

export function publishedEffect(effect: InferredEffect): Effect {
  return effect.sends ? 'calls' : effect.level;
}
