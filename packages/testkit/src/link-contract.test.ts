import { linkedPair } from '@relay/protocol';
import { linkContract } from './link-contract.ts';
import { ManualClock } from './manual-clock.ts';

const clock = new ManualClock();
linkContract('linkedPair', async () => linkedPair(clock), { turn: () => clock.advance(1) });
