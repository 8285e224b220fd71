// A client's side of the four texts before a session (protocol.md §3). A client has no key of its own; that the Main has one is
// checked with Web Crypto, which is why this side is asynchronous.

import {
  type Challenge,
  CLOSE_CODES,
  type Clock,
  challengeTranscript,
  decodeChallengeBody,
  decodeSigned,
  decodeWelcome,
  encodeAuthBody,
  encodeBase64url,
  encodeHello,
  encodeSigned,
  HANDSHAKE_LIMITS,
  INSTANCE_BYTES,
  type Link,
  type LinkListener,
  MalformedMessage,
  NONCE_BYTES,
  PROTOCOL_VERSION,
  type Random,
  type Welcome,
} from '@relay/protocol';

/** The Main, or we, ended the handshake. `code` is the close code. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message === '' ? `the connection closed with ${code}` : message);
    this.code = code;
  }
}

export interface HandshakeOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `host:port` as dialled. */
  readonly target: string;
  readonly software: string;
  readonly token?: string;
}

export interface HandshakeResult {
  readonly challenge: Challenge;
  readonly welcome: Welcome;
  /** What came after WELCOME, for the session. */
  readonly early: readonly (string | Uint8Array)[];
  /** From now on everything goes to this listener. */
  handOver(listener: LinkListener): void;
}

/** Rejects with a `HandshakeError`; the link is closed then. */
export async function shakeHands(link: Link, options: HandshakeOptions): Promise<HandshakeResult> {
  const inbox = new Inbox(link);
  const timer = options.clock.after(HANDSHAKE_LIMITS.totalMs, () => {
    inbox.fail(
      new HandshakeError(CLOSE_CODES.handshakeTimeout, 'the Main did not answer the handshake in time'),
    );
  });
  try {
    link.limitMessage(HANDSHAKE_LIMITS.messageBytes);
    const hello = encodeHello({
      role: 'client',
      nodeId: '',
      publicKey: new Uint8Array(),
      nonce: options.random.bytes(NONCE_BYTES),
      versions: [PROTOCOL_VERSION],
      target: options.target,
      software: options.software,
    });
    link.send(hello);
    const signed = decodeSigned('challenge', await inbox.text(), 'client');
    const challenge = decodeChallengeBody(signed.body);
    if (challenge.version !== PROTOCOL_VERSION) {
      throw new HandshakeError(CLOSE_CODES.malformed, `version ${challenge.version} was not offered`);
    }
    if (!(await isSigned(challenge, hello, signed))) {
      throw new HandshakeError(CLOSE_CODES.authenticationFailed, 'the signature of the Main is wrong');
    }
    const body = encodeAuthBody({
      instance: encodeBase64url(options.random.bytes(INSTANCE_BYTES)),
      ...(options.token === undefined ? {} : { token: options.token }),
    });
    link.send(encodeSigned('auth', { body, signature: new Uint8Array() }));
    const welcome = decodeWelcome(await inbox.text());
    link.limitMessage(welcome.limits.messageBytes);
    return { challenge, welcome, early: inbox.rest(), handOver: (listener) => inbox.handOver(listener) };
  } catch (thrown) {
    const error = asHandshakeError(thrown);
    link.close(error.code, error.message);
    throw error;
  } finally {
    timer[Symbol.dispose]();
  }
}

/** What is signed is a short text and a hash, which Web Crypto makes only asynchronously: so the transcript is built around it. */
async function isSigned(
  { publicKey }: Challenge,
  hello: string,
  { body, signature }: { readonly body: string; readonly signature: Uint8Array },
): Promise<boolean> {
  let hashed = new Uint8Array();
  challengeTranscript('client', hello, body, (bytes) => {
    hashed = new Uint8Array(bytes);
    return new Uint8Array(32);
  });
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', hashed));
  const transcript = challengeTranscript('client', hello, body, () => digest);
  try {
    const key = await crypto.subtle.importKey('raw', bufferOf(publicKey), 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, bufferOf(signature), bufferOf(transcript));
  } catch {
    return false;
  }
}

function bufferOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function asHandshakeError(thrown: unknown): HandshakeError {
  if (thrown instanceof HandshakeError) return thrown;
  if (thrown instanceof MalformedMessage) return new HandshakeError(CLOSE_CODES.malformed, thrown.message);
  throw thrown;
}

/** A link has one listener for life: this one keeps what comes until somebody asks, and then passes everything on. */
class Inbox implements LinkListener {
  readonly #waiting: (string | Uint8Array)[] = [];
  #error: HandshakeError | undefined;
  #wake: (() => void) | undefined;
  #next: LinkListener | undefined;

  constructor(link: Link) {
    link.listen(this);
  }

  onData(data: string | Uint8Array): void {
    if (this.#next !== undefined) {
      this.#next.onData(data);
      return;
    }
    this.#waiting.push(data);
    this.#wake?.();
  }

  onClose({ code, reason }: { readonly code: number; readonly reason: string }): void {
    if (this.#next === undefined) this.fail(new HandshakeError(code, reason));
    else this.#next.onClose({ code, reason });
  }

  fail(error: HandshakeError): void {
    this.#error ??= error;
    this.#wake?.();
  }

  async text(): Promise<string> {
    while (this.#waiting.length === 0 && this.#error === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const data = this.#waiting.shift();
    if (typeof data === 'string') return data;
    throw this.#error ?? new HandshakeError(CLOSE_CODES.malformed, 'the handshake is text');
  }

  rest(): readonly (string | Uint8Array)[] {
    return this.#waiting.splice(0);
  }

  handOver(next: LinkListener): void {
    this.#next = next;
    for (const data of this.#waiting.splice(0)) next.onData(data);
    if (this.#error !== undefined) next.onClose({ code: this.#error.code, reason: this.#error.message });
  }
}
