// Every endpoint, and everything around it that HTTP lets a stranger write.

import { bodies, encodings } from './body-attacks.ts';
import { noise } from './flood-attacks.ts';
import { headers, origins } from './header-attacks.ts';
import { methods, paths, queries } from './path-attacks.ts';
import type { Target } from './target.ts';
import type { Row } from './verdict.ts';

export async function attackHttp(target: Target): Promise<Row[]> {
  // Side by side: much of it is waiting for a node to lose patience.
  return Promise.all([
    methods(target),
    bodies(target),
    encodings(target),
    origins(target),
    queries(target),
    paths(target),
    headers(target),
    noise(target),
  ]);
}
