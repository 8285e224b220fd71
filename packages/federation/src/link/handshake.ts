// Both sides of the four texts before a session (protocol.md §3). Cheap checks come before signatures, signatures before policy; nobody
// gets more than 5 s or 4 KiB a message.

import { hash } from 'node:crypto';
import {
  type Auth,
  authTranscript,
  type Challenge,
  CLOSE_CODES,
  type Clock,
  type CloseReason,
  challengeTranscript,
  decodeAuthBody,
  decodeChallengeBody,
  decodeHello,
  decodeSigned,
  decodeWelcome,
  encodeAuthBody,
  encodeChallengeBody,
  encodeHello,
  encodeSigned,
  encodeWelcome,
  HANDSHAKE_LIMITS,
  Handover,
  type Hello,
  type Link,
  MalformedMessage,
  NONCE_BYTES,
  PROTOCOL_VERSION,
  type Random,
  type Role,
  type Welcome,
} from '@relay/protocol';
import { type Identity, verifySignature } from '../identity/keys.ts';
import type { HandshakeLine } from './handshake-line.ts';

/** The handshake did not lead to a session. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code: number;
  /** Whether this side refused. */
  readonly isOurs: boolean;

  constructor({ code, reason }: CloseReason, isOurs: boolean) {
    super(reason === '' ? `closed with ${code}` : reason);
    this.code = code;
    this.isOurs = isOurs;
  }
}

interface Timing {
  readonly clock: Clock;
  readonly random: Random;
}

export interface DialHandshakeOptions extends Timing {
  readonly role: Role;
  /** May be empty for a client. */
  readonly nodeId: string;
  /** `host:port` as dialled. */
  readonly target: string;
  /** 16 bytes as base64url, new at each process start. */
  readonly instance: string;
  readonly software: string;
  readonly token?: string;
  /** Last accepted registration. */
  readonly resume?: number;
  readonly advertise?: string;
  /** Looks at who answers, after the signature has been checked; a reason ends the handshake. */
  readonly onChallenge?: (challenge: Challenge) => CloseReason | undefined;
}

export interface DialHandshakeResult {
  /** To be listened to by the session. */
  readonly link: Link;
  readonly challenge: Challenge;
  readonly welcome: Welcome;
}

/** The dialler's side. Rejects with a `HandshakeError`; the link is closed then. A client may come without a key. */
export function dialHandshake(
  link: Link,
  identity: Identity | undefined,
  options: DialHandshakeOptions,
): Promise<DialHandshakeResult> {
  const { role, clock } = options;
  const { promise, resolve, reject } = Promise.withResolvers<DialHandshakeResult>();
  const hello = encodeHello({
    role,
    nodeId: options.nodeId,
    publicKey: identity?.publicKey ?? new Uint8Array(),
    nonce: options.random.bytes(NONCE_BYTES),
    versions: [PROTOCOL_VERSION],
    target: options.target,
    software: options.software,
    ...(options.advertise !== undefined && { advertise: options.advertise }),
  });
  let challenge: Challenge | undefined;

  const onText = (text: string): void => {
    if (challenge !== undefined) {
      const welcome = decodeWelcome(text);
      // Now, since what follows may already be here.
      link.limitMessage(welcome.limits.messageBytes);
      timer[Symbol.dispose]();
      resolve({ link: handover.release(), challenge, welcome });
      return;
    }
    const signed = decodeSigned('challenge', text, role);
    const found = decodeChallengeBody(signed.body);
    if (found.version !== PROTOCOL_VERSION)
      refuse(CLOSE_CODES.malformed, `version ${found.version} was not offered`);
    if (
      !verifySignature(
        found.publicKey,
        challengeTranscript(role, hello, signed.body, sha256),
        signed.signature,
      )
    ) {
      refuse(CLOSE_CODES.authenticationFailed, 'signature of challenge is wrong');
    }
    const objection = options.onChallenge?.(found);
    if (objection !== undefined) refuse(objection.code, objection.reason);
    challenge = found;
    const body = encodeAuthBody({
      instance: options.instance,
      ...(options.token !== undefined && { token: options.token }),
      ...(options.resume !== undefined && { resume: options.resume }),
    });
    const signature = identity?.sign(authTranscript(role, hello, text, body, sha256)) ?? new Uint8Array();
    link.send(encodeSigned('auth', { body, signature }));
  };
  const end = (error: HandshakeError): void => {
    timer[Symbol.dispose]();
    reject(error);
  };
  const timer = clock.after(HANDSHAKE_LIMITS.totalMs, () => {
    const late = { code: CLOSE_CODES.handshakeTimeout, reason: 'handshake timed out' };
    link.close(late.code, late.reason);
    end(new HandshakeError(late, true));
  });
  link.limitMessage(HANDSHAKE_LIMITS.messageBytes);
  const handover = listen(link, onText, end);
  link.send(hello);
  return promise;
}

/** Who has proved to be who. */
export interface Claimant {
  readonly hello: Hello;
  readonly auth: Auth;
}

export interface AcceptHandshakeOptions extends Timing {
  /** Where its two steps wait for their turn. */
  readonly line: HandshakeLine;
  /** Id of this Main. */
  readonly self: string;
  readonly software: string;
  readonly advertise?: string;
  /** Cheap checks: role, path, target. A reason ends the handshake before any signature is made or checked. */
  readonly onHello: (hello: Hello) => CloseReason | undefined;
  /** Decides about a node that has proved its key: WELCOME, or a reason to close. */
  readonly decide: (claimant: Claimant) => Welcome | CloseReason;
  /** WELCOME has been sent. In the same turn as `decide`, so that nothing comes between. */
  readonly accepted: (link: Link, claimant: Claimant, welcome: Welcome) => void;
  readonly failed: (error: HandshakeError) => void;
}

/** The acceptor's side. Ends in exactly one of `accepted` and `failed`; then the link is closed. */
export function acceptHandshake(link: Link, identity: Identity, options: AcceptHandshakeOptions): void {
  let first: { readonly hello: Hello; readonly text: string; readonly challenge: string } | undefined;
  let isWaiting = false;

  const onText = (text: string): void => {
    if (first === undefined) {
      const hello = decodeHello(text);
      if (!hello.versions.includes(PROTOCOL_VERSION)) {
        refuse(CLOSE_CODES.malformed, `versions: none in common, this node speaks ${PROTOCOL_VERSION}`);
      }
      if (hello.role !== 'client' && hello.publicKey.length === 0)
        refuse(CLOSE_CODES.malformed, 'public_key: missing');
      const objection = options.onHello(hello);
      if (objection !== undefined) refuse(objection.code, objection.reason);
      const body = encodeChallengeBody({
        nodeId: options.self,
        publicKey: identity.publicKey,
        nonce: options.random.bytes(NONCE_BYTES),
        version: PROTOCOL_VERSION,
        software: options.software,
        ...(options.advertise !== undefined && { advertise: options.advertise }),
      });
      const signature = identity.sign(challengeTranscript(hello.role, text, body, sha256));
      const challenge = encodeSigned('challenge', { body, signature });
      first = { hello, text, challenge };
      link.send(challenge);
      return;
    }
    const { hello } = first;
    const signed = decodeSigned('auth', text, hello.role);
    const auth = decodeAuthBody(signed.body);
    // A client without a key has nothing to prove; one with a key has.
    const isKeyless = hello.publicKey.length === 0 && signed.signature.length === 0;
    const transcript = authTranscript(hello.role, first.text, first.challenge, signed.body, sha256);
    if (!isKeyless && !verifySignature(hello.publicKey, transcript, signed.signature)) {
      refuse(CLOSE_CODES.authenticationFailed, 'signature of auth is wrong');
    }
    const claimant = { hello, auth };
    const decision = options.decide(claimant);
    if ('code' in decision) refuse(decision.code, decision.reason);
    timer[Symbol.dispose]();
    link.limitMessage(decision.limits.messageBytes);
    link.send(encodeWelcome(decision));
    options.accepted(handover.release(), claimant, decision);
  };
  const end = (error: HandshakeError): void => {
    timer[Symbol.dispose]();
    options.failed(error);
  };
  const timer = options.clock.after(HANDSHAKE_LIMITS.totalMs, () => {
    const late = { code: CLOSE_CODES.handshakeTimeout, reason: 'handshake timed out' };
    link.close(late.code, late.reason);
    end(new HandshakeError(late, true));
  });
  link.limitMessage(HANDSHAKE_LIMITS.messageBytes);
  const handover = listen(link, onText, end, (step) => {
    // Whoever speaks before it was answered makes us hold one more text for nothing.
    if (isWaiting) refuse(CLOSE_CODES.malformed, 'out of order: wait for the answer');
    isWaiting = true;
    options.line.add(first === undefined ? 'hello' : 'auth', () => {
      isWaiting = false;
      step();
    });
  });
}

/** Ends a handshake from within `onText`. */
function refuse(code: number, reason: string): never {
  throw new HandshakeError({ code, reason }, true);
}

/** Runs `onText` for each text, through `later` if given; whatever it throws closes the link. `end` comes at most once. */
function listen(
  link: Link,
  onText: (text: string) => void,
  end: (error: HandshakeError) => void,
  later: (step: () => void) => void = (step) => step(),
): Handover {
  let hasEnded = false;
  const fail = (error: HandshakeError): void => {
    if (hasEnded) return;
    hasEnded = true;
    end(error);
  };
  const attempt = (run: () => void): void => {
    if (hasEnded) return;
    try {
      run();
    } catch (error) {
      const refusal = asRefusal(error);
      link.close(refusal.code, refusal.message);
      fail(refusal);
    }
  };
  return new Handover(link, {
    onData: (data) =>
      attempt(() => {
        if (typeof data !== 'string') refuse(CLOSE_CODES.malformed, 'the handshake is text');
        later(() => attempt(() => onText(data)));
      }),
    onClose: (reason) => fail(new HandshakeError(reason, false)),
  });
}

function asRefusal(error: unknown): HandshakeError {
  if (error instanceof HandshakeError) return error;
  if (error instanceof MalformedMessage) {
    return new HandshakeError({ code: CLOSE_CODES.malformed, reason: error.message }, true);
  }
  throw error;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}
