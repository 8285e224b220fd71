import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { homeAddress } from '../address.ts';
import { createBinaryCodec } from '../binary-codec.ts';
import type { BodyRest, BodySink } from '../call.ts';
import { SUBPROTOCOL_BINARY } from '../codec.ts';
import { FIRST_PART_BYTES, LINK_LIMITS } from '../limits.ts';
import type { Link } from '../link.ts';
import type { FederationMessage } from '../message.ts';
import { Outbox } from './outbox.ts';

const FIRST = new Uint8Array(3).fill(0x31);
const PART = new Uint8Array(60_000).fill(0x32);

const codec = () =>
  createBinaryCodec({ self: homeAddress('alice.home'), wallNow: () => 0 }, { ...LINK_LIMITS });

/** A part as it comes from a link: the end of the frame that it came in. */
function arrived(): Uint8Array {
  const { encoder, decoder } = codec();
  encoder.add({ type: 'body', of: 'request', id: 1, body: PART, continues: false });
  const [message] = encoder.take().flatMap((data) => [...decoder.decode(data)]);
  assert.ok(message?.type === 'body');
  return message.body;
}

/** Keeps what it is given, as a socket that is slow does. */
function createLink(clock: ManualClock) {
  const sent: Uint8Array[] = [];
  const link: Link = {
    subprotocol: SUBPROTOCOL_BINARY,
    bufferedBytes: 0,
    listen: () => {},
    limitMessage: () => {},
    close: () => {},
    terminate: () => {},
    send: (data) => void sent.push(data as Uint8Array),
  };
  const { decoder } = codec();
  const outbox = new Outbox(link, codec().encoder, clock, () => {});
  const read = (): FederationMessage[] => sent.flatMap((data) => [...decoder.decode(data)]);
  return { outbox, sent, read };
}

/** Params whose second part is there already. */
function rest(part: Uint8Array, canRepeat: boolean): BodyRest {
  return {
    canRepeat,
    pass: (sink: BodySink) => sink.part(part, true),
    passed: () => {},
    whole: () => {},
    stop: () => {},
  };
}

const stream = (outbox: Outbox, id: number, from: BodyRest): void =>
  outbox.stream({ of: 'request', id, priority: 5, body: FIRST, sentBytes: FIRST.length, rest: from });

describe('a part that is passed on', () => {
  it('leaves in the bytes it came in, behind what was added before, under the number of its new link', async () => {
    const clock = new ManualClock();
    const { outbox, sent, read } = createLink(clock);
    const part = arrived();
    outbox.add({ type: 'response', correlationId: 4, body: FIRST });
    stream(outbox, 7, rest(part, false));
    outbox.add({ type: 'response', correlationId: 5, body: FIRST });
    await clock.settle();
    assert.equal(sent.at(-1)?.buffer, part.buffer);
    const kinds = read().map((message) => (message.type === 'body' ? message.id : message.type));
    assert.deepEqual(kinds, ['response', 'response', 7]);
    const last = read().at(-1);
    assert.ok(last?.type === 'body');
    assert.deepEqual(last.body, PART);
    assert.equal(last.continues, false);
  });

  for (const { canRepeat, ids } of [
    { canRepeat: true, ids: [7, 9] },
    // The control: the second link writes its header into what the first has not sent yet.
    { canRepeat: false, ids: [9, 9] },
  ]) {
    it(`${canRepeat ? 'is copied' : 'would be spoilt if it were not copied'} while another link may send it too`, async () => {
      const clock = new ManualClock();
      const [one, other] = [createLink(clock), createLink(clock)];
      const from = rest(arrived(), canRepeat);
      stream(one.outbox, 7, from);
      stream(other.outbox, 9, from);
      await clock.settle();
      const seen = [one, other].map(({ read }) =>
        read().map((message) => message.type === 'body' && message.id),
      );
      assert.deepEqual(seen, [[ids[0]], [ids[1]]]);
    });
  }
});

describe('a part of a body of our own', () => {
  it('is as long on a socket as one read of it, the first as well', async () => {
    const clock = new ManualClock();
    const { outbox, sent } = createLink(clock);
    const body = new Uint8Array(200_000);
    const first = body.subarray(0, FIRST_PART_BYTES);
    outbox.add({ type: 'response', correlationId: 4, body: first, continues: true });
    outbox.stream({ of: 'response', id: 4, priority: 5, body, sentBytes: first.length });
    await clock.settle();
    // A WebSocket message of this length has a header of 4 bytes if it is not masked.
    const lengths = sent.map(({ length }) => length + 4);
    assert.deepEqual(lengths.slice(0, 3), [65_536, 65_536, 65_536]);
    assert.equal(lengths.length, 4);
  });
});
