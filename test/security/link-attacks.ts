// The WebSocket paths.

import { frames } from './frame-attacks.ts';
import { beforeHandshake, handshakes } from './handshake-attacks.ts';
import type { Target } from './target.ts';
import { upgrades } from './upgrade-attacks.ts';
import type { Row } from './verdict.ts';

export async function attackLinks(target: Target): Promise<Row[]> {
  const rows = [await upgrades(target)];
  if (target.role === 'main') rows.push(await beforeHandshake(target), await handshakes(target));
  if (target.role !== 'home') rows.push(await frames(target));
  return rows;
}
