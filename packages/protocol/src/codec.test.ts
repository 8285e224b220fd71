import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Codec, CodecFactory, FederationMessage } from './index.ts';
import { createBinaryCodec, createJsonCodec, encodeUtf8, MalformedMessage, mainAddress } from './index.ts';
import { anyBinaryMessage, anyMessage } from './message-arbitrary.test.ts';

const SELF = mainAddress('relay-a.com');
const NOW = 1_767_225_600_000;
const FORMS = { json: createJsonCodec, binary: createBinaryCodec };

function create(factory: CodecFactory, messageBytes = 1_048_576): Codec {
  return factory({ self: SELF, wallNow: () => NOW }, { messageBytes });
}

/** Through a new link, one by one. */
function carry(codec: Codec, messages: readonly FederationMessage[]): FederationMessage[] {
  for (const message of messages) codec.encoder.add(message);
  return codec.encoder.take().flatMap((data) => codec.decoder.decode(data));
}

/** Either messages or `MalformedMessage`, and nothing else. */
function survives(codec: Codec, data: string | Uint8Array): void {
  try {
    codec.decoder.decode(data);
  } catch (error) {
    assert.ok(error instanceof MalformedMessage, `threw ${String(error)}`);
  }
}

describe('both forms', () => {
  it('the JSON form gives back every message', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const filled = { timestampMs: NOW, sourceNode: SELF, ...message };
        assert.deepEqual(carry(create(createJsonCodec), [message]), [filled]);
      }),
      { numRuns: 400 },
    );
  });

  it('the binary form gives back every message, several in one', () => {
    fc.assert(
      fc.property(fc.array(anyBinaryMessage, { minLength: 1, maxLength: 8 }), (messages) => {
        assert.deepEqual(carry(create(createBinaryCodec), messages), messages);
      }),
      { numRuns: 200 },
    );
  });

  it('the binary form gives back parts of bodies as parts', () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array(), (message, body) => {
        fc.pre(message.type === 'request' || message.type === 'response');
        const first = { ...message, body, continues: true } as FederationMessage;
        assert.deepEqual(carry(create(createBinaryCodec), [first]), [first]);
      }),
      { numRuns: 100 },
    );
  });

  it('the size that add returns is what take hands out', () => {
    for (const factory of Object.values(FORMS)) {
      fc.assert(
        fc.property(fc.array(anyMessage, { maxLength: 5 }), (messages) => {
          const { encoder } = create(factory);
          const added = messages.reduce((sum, message) => sum + encoder.add(message), 0);
          assert.equal(encoder.pendingBytes, added);
          const taken = encoder.take().map((data) => Buffer.byteLength(data));
          assert.equal(
            taken.reduce((sum, bytes) => sum + bytes, 0),
            added,
          );
          assert.equal(encoder.pendingBytes, 0);
          assert.deepEqual(encoder.take(), []);
        }),
        { numRuns: 50 },
      );
    }
  });
});

describe('nothing but MalformedMessage comes out of a decoder', () => {
  it('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => survives(create(createBinaryCodec), bytes)),
      { numRuns: 500 },
    );
  });

  it('for frames of any content', () => {
    fc.assert(
      fc.property(fc.nat(11), fc.nat(7), fc.uint8Array({ maxLength: 60 }), (type, flags, content) => {
        const frame = new Uint8Array(10 + content.length);
        frame.set([0, 0, 0, 6 + content.length, type, flags, 0, 0, 0, 1]);
        frame.set(content, 10);
        survives(create(createBinaryCodec), frame);
      }),
      { numRuns: 1_000 },
    );
  });

  it('for valid frames with bytes changed or cut off', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(anyBinaryMessage, { minLength: 1, maxLength: 3 }),
        change,
        fc.nat(),
        (messages, changes, cut) => {
          const codec = create(createBinaryCodec);
          for (const message of messages) codec.encoder.add(message);
          const bytes = Uint8Array.from(codec.encoder.take()[0] as Uint8Array);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          survives(codec, bytes);
          survives(codec, bytes.subarray(0, cut % bytes.length));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('for any text, any JSON, and valid messages with characters changed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify({ ...value, type: 'request' })),
        ),
        (text) => survives(create(createJsonCodec), text),
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.string({ maxLength: 3 }), (message, at, text) => {
        const codec = create(createJsonCodec);
        codec.encoder.add(message);
        const [whole = ''] = codec.encoder.take() as string[];
        const place = at % whole.length;
        survives(codec, whole.slice(0, place) + text + whole.slice(place + 1));
      }),
      { numRuns: 500 },
    );
  });

  it('for JSON that nests deeper than any stack', () => {
    const deep = '['.repeat(300_000) + ']'.repeat(300_000);
    survives(create(createJsonCodec), deep);
    survives(create(createJsonCodec), `{"type":"error","__proto__x":${deep}}`);
    survives(create(createJsonCodec), `{"type":"request","constructor2":1,"data":${deep}}`);
  });

  it('for the other kind of link message', () => {
    assert.throws(() => create(createJsonCodec).decoder.decode(encodeUtf8('{}')), MalformedMessage);
    assert.throws(() => create(createBinaryCodec).decoder.decode('{}'), MalformedMessage);
  });
});

interface Fixture {
  readonly name: string;
  readonly message: Record<string, unknown>;
  /** null: not in this form. */
  readonly json: string | null;
  readonly binary: string | null;
}

const FOLDER = new URL('../../../test/fixtures/wire/v1/', import.meta.url);

function fixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Fixture[]);
}

/** Bodies stand in the fixtures as texts. */
function messageOf({ message }: Fixture): FederationMessage {
  const { body } = message;
  return (typeof body === 'string'
    ? { ...message, body: encodeUtf8(body) }
    : message) as unknown as FederationMessage;
}

describe('the wire fixtures, which are never edited', () => {
  it('have every type', () => {
    const types = new Set(fixtures().map(({ message }) => message['type']));
    assert.deepEqual([...types].sort(), [
      'body',
      'cancel',
      'credit',
      'drain',
      'error',
      'heartbeat',
      'registration',
      'request',
      'response',
      'service_discovery',
    ]);
  });

  for (const fixture of fixtures()) {
    const { name, json, binary } = fixture;
    const message = messageOf(fixture);
    if (json !== null) {
      it(`${name}: JSON`, () => {
        const { encoder, decoder } = create(createJsonCodec);
        encoder.add(message);
        assert.deepEqual(encoder.take(), [json]);
        assert.deepEqual(decoder.decode(json), [message]);
      });
    }
    if (binary !== null) {
      it(`${name}: binary`, () => {
        const { encoder, decoder } = create(createBinaryCodec);
        encoder.add(message);
        assert.equal(Buffer.concat(encoder.take() as Uint8Array[]).toString('hex'), binary);
        assert.deepEqual(decoder.decode(new Uint8Array(Buffer.from(binary, 'hex'))), [message]);
      });
    }
  }
});
