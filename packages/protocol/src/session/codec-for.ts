import type { NodeAddress } from '../address.ts';
import { createBinaryCodec } from '../binary-codec.ts';
import type { Clock } from '../clock.ts';
import { type Codec, SUBPROTOCOL_BINARY } from '../codec.ts';
import { createJsonCodec } from '../json-codec.ts';
import type { LinkLimits } from '../limits.ts';
import type { Link } from '../link.ts';

/** The codec of the subprotocol that both sides agreed on. */
export function codecFor(link: Link, self: NodeAddress, clock: Clock, limits: LinkLimits): Codec {
  const create = link.subprotocol === SUBPROTOCOL_BINARY ? createBinaryCodec : createJsonCodec;
  return create({ self, wallNow: () => clock.wallNow() }, limits);
}
