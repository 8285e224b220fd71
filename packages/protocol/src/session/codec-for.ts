import {
  type Clock,
  type Codec,
  createBinaryCodec,
  createJsonCodec,
  type Link,
  type LinkLimits,
  type NodeAddress,
  SUBPROTOCOL_BINARY,
} from '@relay/protocol';

/** The codec of the subprotocol that both sides agreed on. */
export function codecFor(link: Link, self: NodeAddress, clock: Clock, limits: LinkLimits): Codec {
  const create = link.subprotocol === SUBPROTOCOL_BINARY ? createBinaryCodec : createJsonCodec;
  return create({ self, wallNow: () => clock.wallNow() }, limits);
}
