// What every Link has to do, whatever carries it. A new kind of link passes this suite before anything is built on it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CloseReason, Link } from '@relay/protocol';
import { waitFor } from './wait.ts';

export interface LinkContractOptions {
  /** Lets something happen between two looks at a condition; for virtual time `() => clock.advance(1)`. Default: real time. */
  readonly turn?: () => Promise<void>;
  /** How long a rule waits for what has to happen, in real time. Default 10 s. */
  readonly limitMs?: number;
  /** After each test: closes what `open` opened beside the links. */
  readonly cleanUp?: () => Promise<void> | void;
}

/** Everything one end heard, in order. */
export class LinkRecord {
  readonly data: (string | Uint8Array)[] = [];
  readonly closes: CloseReason[] = [];
  /** Messages that came after `onClose`: none are allowed. */
  late = 0;

  constructor(link: Link) {
    link.listen({
      onData: (data) => {
        // A transport may reuse its buffer after `onData`.
        this.data.push(typeof data === 'string' ? data : new Uint8Array(data));
        if (this.closes.length > 0) this.late += 1;
      },
      onClose: (reason) => this.closes.push(reason),
    });
  }
}

/** `open` gives two ends that are connected and have no listener yet. */
export function linkContract(
  name: string,
  open: () => Promise<readonly [Link, Link]>,
  options: LinkContractOptions = {},
): void {
  const { cleanUp, ...waiting } = options;
  const until = (condition: () => boolean, what: string): Promise<void> =>
    waitFor(condition, { what, ...waiting });
  const pause = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      await (options.turn === undefined ? new Promise((resolve) => setTimeout(resolve, 3)) : options.turn());
    }
  };

  const contract = (rule: string, run: (a: Link, b: Link, heard: Pair) => Promise<void>): void => {
    it(rule, async () => {
      const [a, b] = await open();
      const heard = { a: new LinkRecord(a), b: new LinkRecord(b) };
      try {
        await run(a, b, heard);
        assert.equal(heard.a.late + heard.b.late, 0, 'data came after onClose');
      } finally {
        a.terminate();
        b.terminate();
        await cleanUp?.();
      }
    });
  };
  const bothClosed = async ({ a, b }: Pair): Promise<void> => {
    await until(() => a.closes.length > 0 && b.closes.length > 0, 'both ends to close');
    await pause();
    assert.deepEqual([a.closes.length, b.closes.length], [1, 1], 'onClose comes once');
  };

  describe(`${name} is a Link`, () => {
    contract('agrees on a subprotocol', async (a, b) => {
      assert.notEqual(a.subprotocol, '');
      assert.equal(a.subprotocol, b.subprotocol);
    });

    contract('carries texts and bytes both ways, in order and unchanged', async (a, b, heard) => {
      const sent = Array.from({ length: 200 }, (_, index) =>
        index % 2 === 0 ? `text ${index} ü€😀` : Uint8Array.of(index, 0, 255),
      );
      for (const data of sent) {
        a.send(data);
        b.send(data);
      }
      await until(() => heard.a.data.length >= 200 && heard.b.data.length >= 200, 'all messages');
      assert.deepEqual(heard.a.data, sent);
      assert.deepEqual(heard.b.data, sent);
    });

    contract('carries empty and large messages', async (a, b, heard) => {
      b.limitMessage(1_048_576);
      const large = new Uint8Array(700_000).map((_, index) => index % 251);
      for (const data of ['', new Uint8Array(0), large, 'é'.repeat(300_000), 'end']) a.send(data);
      await until(() => heard.b.data.length >= 5, 'all messages');
      assert.deepEqual(
        heard.b.data.map((data) => [typeof data, data.length]),
        [
          ['string', 0],
          ['object', 0],
          ['object', 700_000],
          ['string', 300_000],
          ['string', 3],
        ],
      );
      assert.deepEqual(heard.b.data[2], large);
    });

    contract('counts what waits, and nothing once it is taken', async (a, b, heard) => {
      b.limitMessage(1_048_576);
      assert.equal(a.bufferedBytes, 0);
      a.send('x'.repeat(100_000));
      assert.ok(a.bufferedBytes >= 0);
      await until(() => heard.b.data.length === 1 && a.bufferedBytes === 0, 'the buffer to empty');
    });

    contract('delivers what was sent before a close, then tells both ends why', async (a, _b, heard) => {
      a.send('last words');
      a.close(4400, 'malformed: type');
      await bothClosed(heard);
      assert.deepEqual(heard.b.data, ['last words']);
      assert.deepEqual(heard.a.closes, [{ code: 4400, reason: 'malformed: type' }]);
      assert.deepEqual(heard.b.closes, [{ code: 4400, reason: 'malformed: type' }]);
    });

    contract('keeps the first reason when closed again', async (a, _b, heard) => {
      a.close(1000, 'done');
      a.close(4409, 'superseded');
      await bothClosed(heard);
      a.close(4400, 'too late');
      a.terminate();
      await pause();
      assert.deepEqual(heard.a.closes, [{ code: 1000, reason: 'done' }]);
      assert.deepEqual(heard.b.closes, [{ code: 1000, reason: 'done' }]);
    });

    contract('closes once when both ends close at the same time', async (a, b, heard) => {
      a.close(4001, 'a');
      b.close(4002, 'b');
      await bothClosed(heard);
      for (const record of [heard.a, heard.b]) assert.ok([4001, 4002].includes(record.closes[0]?.code ?? 0));
    });

    contract('ignores what is sent after a close', async (a, b, heard) => {
      a.close(1000, '');
      a.send('too late');
      await bothClosed(heard);
      a.send('much too late');
      b.send('much too late');
      await pause();
      assert.deepEqual(heard.b.data, []);
      assert.deepEqual(heard.a.data, []);
    });

    contract('delivers nothing to an end that has closed', async (a, b, heard) => {
      b.send('before');
      await until(() => heard.a.data.length === 1, 'the message before');
      a.close(1000, '');
      b.send('crossing');
      await bothClosed(heard);
      assert.deepEqual(heard.a.data, ['before']);
    });

    contract('cuts a reason that is too long for a close frame', async (a, _b, heard) => {
      a.close(4400, 'ü'.repeat(200));
      await bothClosed(heard);
      const { code, reason } = heard.b.closes[0] as CloseReason;
      assert.equal(code, 4400);
      assert.match(reason, /^ü{50,61}(…|\.\.\.)?$/);
    });

    contract('ends with 1006 when terminated, whatever the other side hears', async (a, _b, heard) => {
      a.terminate();
      a.terminate();
      await until(() => heard.a.closes.length > 0, 'the end that terminated to close');
      await pause();
      assert.deepEqual(
        heard.a.closes.map(({ code }) => code),
        [1006],
      );
      assert.ok(heard.b.closes.length <= 1);
      for (const { code } of heard.b.closes) assert.equal(code, 1006);
    });

    for (const [what, data] of [
      ['bytes', new Uint8Array(1001)],
      ['text, counted as UTF-8', 'é'.repeat(501)],
    ] as const) {
      contract(`closes with 1009 for too many ${what}`, async (a, b, heard) => {
        b.limitMessage(1000);
        a.send('x'.repeat(999));
        a.send(data);
        a.send('after');
        await bothClosed(heard);
        assert.deepEqual(heard.b.data, ['x'.repeat(999)]);
        assert.equal(heard.b.closes[0]?.code, 1009);
        assert.equal(heard.a.closes[0]?.code, 1009);
      });
    }

    contract('takes larger messages once the limit is raised', async (a, b, heard) => {
      b.limitMessage(10);
      b.limitMessage(100_000);
      a.send('x'.repeat(50_000));
      await until(() => heard.b.data.length === 1, 'the message');
      assert.deepEqual(heard.b.closes, []);
    });
  });
}

interface Pair {
  readonly a: LinkRecord;
  readonly b: LinkRecord;
}
