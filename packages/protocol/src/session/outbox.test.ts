import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '@relay/testkit';
import { homeAddress } from '../address.ts';
import { createBinaryCodec } from '../binary-codec.ts';
import { SUBPROTOCOL_BINARY } from '../codec.ts';
import { LINK_LIMITS, PART_BYTES, UNASKED_BYTES } from '../limits.ts';
import type { Link } from '../link.ts';
import type { FederationMessage } from '../message.ts';
import { Outbox } from './outbox.ts';
import type { OutgoingBodyOptions } from './outgoing-body.ts';

/** A link whose transport takes bytes only when it is told to. */
class SlowLink implements Link {
  readonly subprotocol = SUBPROTOCOL_BINARY;
  readonly sent: Uint8Array[] = [];
  bufferedBytes = 0;
  isFast = true;
  listen(): void {}
  limitMessage(): void {}
  close(): void {}
  terminate(): void {}
  send(data: string | Uint8Array): void {
    this.sent.push(data as Uint8Array);
    if (!this.isFast) this.bufferedBytes += data.length;
  }
}

function create() {
  const clock = new ManualClock();
  const link = new SlowLink();
  const defaults = { self: homeAddress('alice.home'), wallNow: () => 0 };
  const { encoder } = createBinaryCodec(defaults, LINK_LIMITS);
  const { decoder } = createBinaryCodec(defaults, LINK_LIMITS);
  const cuts: [number, string][] = [];
  const outbox = new Outbox(link, encoder, clock, (code, reason) => cuts.push([code, reason]));
  const seen = (): FederationMessage[] => link.sent.splice(0).flatMap((data) => [...decoder.decode(data)]);
  return { clock, link, outbox, cuts, seen };
}

const response = (id: number, bytes = 1): FederationMessage => ({
  type: 'response',
  correlationId: id,
  body: new Uint8Array(bytes).fill(0x31),
});

const request = (id: number, priority = 5): OutgoingBodyOptions => ({
  of: 'request',
  id,
  priority,
  body: new Uint8Array(200_000),
  sentBytes: 0,
});

describe('an outbox', () => {
  it('sends what was added in one turn as one message', async () => {
    const { clock, link, outbox, seen } = create();
    for (let id = 1; id <= 50; id += 1) outbox.add(response(id));
    assert.equal(link.sent.length, 0);
    await clock.settle();
    assert.equal(link.sent.length, 1);
    assert.equal(seen().length, 50);
  });

  it('lets small messages pass big bodies, and stops where credit ends', async () => {
    const { clock, outbox, seen } = create();
    const body = new Uint8Array(400_000).fill(0x20);
    outbox.stream({ of: 'response', id: 1, priority: 5, body, sentBytes: 65_536 });
    outbox.add(response(2));
    await clock.advance(100);
    const first = seen();
    assert.equal(first[0]?.type, 'response');
    const bytes = (messages: FederationMessage[]): number =>
      messages.reduce((sum, message) => sum + (message.type === 'body' ? message.body.length : 0), 0);
    const parts = Math.floor((UNASKED_BYTES - 65_536) / PART_BYTES);
    assert.equal(bytes(first), parts * PART_BYTES, 'as many whole parts as fit');
    outbox.credit('response', 1, PART_BYTES - 1_000);
    await clock.advance(100);
    assert.equal(bytes(seen()), 0, 'a part waits for credit for all of it');
    outbox.credit('response', 1, 1_000);
    await clock.advance(100);
    assert.equal(bytes(seen()), PART_BYTES);
    outbox.credit('response', 1, 100_000);
    await clock.advance(100);
    const last = seen();
    assert.equal(bytes(last), 400_000 - 65_536 - (parts + 1) * PART_BYTES);
    assert.deepEqual(last.at(-1)?.type === 'body' && last.at(-1), { ...last.at(-1), continues: false });
    assert.equal(outbox.hasBodies, false);
  });

  it('shares the link between bodies, and holds them back while much waits', async () => {
    const { clock, link, outbox, seen } = create();
    link.isFast = false;
    for (const id of [1, 2]) outbox.stream(request(id));
    await clock.advance(100);
    assert.equal(outbox.isCongested, false);
    const ids = seen().map((message) => message.type === 'body' && message.id);
    assert.deepEqual(ids, [1, 2]);
    link.isFast = true;
    link.bufferedBytes = 0;
    await clock.advance(100);
    assert.equal(outbox.hasBodies, false);
    outbox.stream(request(3));
    outbox.drop('request', 3);
    assert.equal(outbox.hasBodies, false);
  });

  it('is congested over 256 KiB and gives up a link that takes nothing for 5 s', async () => {
    const { clock, link, outbox, cuts } = create();
    link.isFast = false;
    const fill = async (bytes: number): Promise<void> => {
      for (let left = bytes; left > 0; left -= 60_000) outbox.add(response(1, 60_000));
      await clock.settle();
    };
    await fill(300_000);
    assert.equal(outbox.isCongested, true);
    await fill(1_000_000);
    await clock.advance(4_000);
    link.bufferedBytes -= 100_000;
    await clock.advance(4_000);
    assert.deepEqual(cuts, []);
    await clock.advance(4_000);
    assert.deepEqual(cuts, [[1013, 'nothing was taken in 5 s']]);
  });

  it('gives up a link at once when 8 MiB wait', async () => {
    const { link, outbox, cuts } = create();
    link.isFast = false;
    for (let index = 0; index < 150 && cuts.length === 0; index += 1) outbox.add(response(1, 60_000));
    assert.equal(cuts[0]?.[0], 1013);
  });

  it('sheds requests of a low priority first', async () => {
    const { clock, link, outbox } = create();
    link.isFast = false;
    for (let left = 220_000; left > 0; left -= 55_000) outbox.add(response(1, 55_000));
    await clock.settle();
    const shed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((priority) => outbox.isCongestedFor(priority));
    assert.deepEqual(shed, [0, 1], 'of 256 KiB, 0 may use three quarters');
    outbox.add(response(1, 60_000));
    await clock.settle();
    assert.equal(outbox.isCongestedFor(9), true, 'and over the mark all are shed');
  });

  it('sends parts of the highest priority first, and small messages before any part', async () => {
    const { clock, outbox, seen } = create();
    for (const [id, priority] of [
      [1, 5],
      [2, 0],
      [3, 9],
      [4, 5],
    ] as const) {
      outbox.stream({ ...request(id, priority), body: new Uint8Array(100_000) });
    }
    outbox.add(response(7));
    outbox.add({ type: 'cancel', correlationId: 8, mode: 'abandon' });
    await clock.advance(100);
    const order = seen().map((message) => (message.type === 'body' ? message.id : message.type));
    assert.deepEqual(order, ['response', 'cancel', 3, 3, 1, 4, 1, 4, 2, 2]);
  });
});
