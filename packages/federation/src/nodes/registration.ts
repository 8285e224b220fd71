// What a Home offers, and how its Main comes to know it: in full at first, then only what changed (protocol.md §4, "Registration").

import {
  CHUNK_BYTES,
  type RegistrationAnswer,
  type RegistrationMessage,
  type ServiceDescription,
  type ServiceOffer,
  type Session,
  utf8Length,
} from '@relay/protocol';

/** Room for the other fields of a message. */
const ENVELOPE_BYTES = 1_024;
/** Names of the wire form that are longer than ours, per service. */
const SERVICE_OVERHEAD_BYTES = 256;

type Part = Omit<RegistrationMessage, 'type' | 'id'>;

export interface RegistrationOptions {
  readonly instance: string;
  /** Numbers registrations, rising. */
  readonly nextSeq: () => number;
  /** A service that the Main does not take. */
  readonly refused: (service: string, why: string) => void;
}

export class Registration {
  readonly #options: RegistrationOptions;
  #session: Session | undefined;
  #wanted: ReadonlyMap<string, ServiceDescription> = new Map();
  /** What the Main of `#accepted` holds, as it was sent. */
  #held: ReadonlyMap<string, ServiceDescription> = new Map();
  readonly #refused = new Set<string>();
  #accepted = 0;
  #isSending = false;
  #isStale = false;
  #idle: (() => void)[] = [];

  constructor(options: RegistrationOptions) {
    this.#options = options;
  }

  /** Shown as `resume` in AUTH; undefined if no Main has accepted anything. */
  get acceptedSeq(): number | undefined {
    return this.#accepted === 0 ? undefined : this.#accepted;
  }

  /** The Main of this session has taken this service. */
  isHeld(service: string): boolean {
    const isAccepted = this.#session !== undefined && this.#accepted !== 0;
    return isAccepted && this.#held.has(service) && !this.#refused.has(service);
  }

  /** Replaces what is offered. */
  offer(services: readonly ServiceOffer[]): void {
    const { instance } = this.#options;
    this.#refused.clear();
    this.#wanted = new Map(services.map((offer) => [offer.name, { ...offer, instance }]));
    this.#isStale = true;
    this.#send();
  }

  /** A session stands. Unless it was resumed, the Main knows nothing. */
  attach(session: Session, resumed: boolean): void {
    this.#session = session;
    this.#isSending = false;
    if (!resumed) {
      this.#accepted = 0;
      this.#isStale = true;
    }
    this.#send();
  }

  detach(session: Session): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#isSending = false;
    this.#settleIdle();
  }

  /** Resolves when the Main knows what is offered, or the link has gone. */
  settled(): Promise<void> {
    if (this.#session === undefined || (!this.#isSending && !this.#isStale)) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #send(): void {
    const session = this.#session;
    if (session === undefined || this.#isSending || !this.#isStale) return;
    this.#isStale = false;
    this.#isSending = true;
    const wanted = this.#wanted;
    const parts = this.#parts(this.#options.nextSeq(), this.#accepted, wanted);
    this.#sendPart(session, parts, 0, wanted);
  }

  #sendPart(
    session: Session,
    parts: readonly Part[],
    index: number,
    wanted: ReadonlyMap<string, ServiceDescription>,
  ): void {
    const part = parts[index];
    if (part === undefined) return;
    session.register(part, (answer) => {
      // The link has gone, and a later session begins anew.
      if (this.#session !== session || answer === undefined) {
        this.detach(session);
        return;
      }
      this.#reportRefused(answer);
      if (answer.want === 0) {
        this.#accepted = 0;
        this.#isStale = true;
        this.#isSending = false;
        this.#send();
      } else if (!part.complete) {
        this.#sendPart(session, parts, index + 1, wanted);
      } else {
        this.#accepted = part.seq;
        this.#held = wanted;
        this.#isSending = false;
        this.#send();
        if (!this.#isSending) this.#settleIdle();
      }
    });
  }

  #reportRefused(answer: RegistrationAnswer): void {
    for (const { service_name: service, failure } of answer.refused ?? []) {
      this.#refused.add(service);
      this.#options.refused(service, failure.message);
    }
  }

  #parts(seq: number, base: number, wanted: ReadonlyMap<string, ServiceDescription>): readonly Part[] {
    const held = base === 0 ? new Map<string, ServiceDescription>() : this.#held;
    const changed = [...wanted.values()].filter((service) => !isSame(service, held.get(service.name)));
    const removed = [...held.keys()].filter((name) => !wanted.has(name));
    const chunks: ServiceDescription[][] = [[]];
    let bytes = ENVELOPE_BYTES + removed.reduce((sum, name) => sum + name.length + 3, 0);
    for (const service of changed) {
      const size = utf8Length(JSON.stringify(service)) + SERVICE_OVERHEAD_BYTES;
      if (bytes + size > CHUNK_BYTES && chunks.at(-1)!.length > 0) {
        chunks.push([]);
        bytes = ENVELOPE_BYTES;
      }
      chunks.at(-1)!.push(service);
      bytes += size;
    }
    return chunks.map((services, index) => ({
      seq,
      base,
      services,
      removed: index === 0 ? removed : [],
      complete: index === chunks.length - 1,
    }));
  }

  #settleIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function isSame(a: ServiceDescription, b: ServiceDescription | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
