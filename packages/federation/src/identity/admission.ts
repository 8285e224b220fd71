// Who may come in under which id. The first key that claims an id in a role owns it (protocol.md §3, "Id and key").

import { CLOSE_CODES, type Clock, type CloseReason, RESERVED_IDS } from '@relay/protocol';
import type { AdmissionRecord, AdmissionStore, OwnerRole, Presence } from './admission-store.ts';
import type { ForgottenId, InviteStore } from './invites.ts';

/** `open`: any key may claim a free id. `invite`: with a join token. `closed`: remembered keys only. */
export type AdmissionMode = 'open' | 'invite' | 'closed';

export interface Claim {
  readonly role: OwnerRole;
  readonly id: string;
  /** base64url. */
  readonly publicKey: string;
  readonly token: string | undefined;
}

export interface AdmissionOptions {
  /** Id of this Main. */
  readonly self: string;
  /** Default `open`. */
  readonly mode?: AdmissionMode;
  readonly store: AdmissionStore;
  readonly clock: Clock;
  /** Join tokens, and ids that commands beside the Main ask to forget. */
  readonly invites?: InviteStore;
  /** Ids that are remembered. Default 100,000. */
  readonly maxIds?: number;
}

const MAX_IDS = 100_000;
/** An id that was used in this time is not forgotten. */
const KEPT_MS = 30 * 86_400_000;

export class Admission {
  readonly mode: AdmissionMode;
  readonly #self: string;
  readonly #store: AdmissionStore;
  readonly #clock: Clock;
  readonly #invites: InviteStore | undefined;
  readonly #maxIds: number;
  /** In order of last use, so that the longest unused is the first. */
  readonly #records = new Map<string, AdmissionRecord>();

  constructor(options: AdmissionOptions) {
    this.mode = options.mode ?? 'open';
    this.#self = options.self;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#invites = options.invites;
    this.#maxIds = options.maxIds ?? MAX_IDS;
    for (const record of this.#store.load()) this.#records.set(keyOf(record.role, record.id), record);
  }

  /**
   * Whether this claim may come in; uses no token up. `isPeer` says whether an id is that of a peer known now,
   * `isConnected` keeps ids that are in use from being forgotten.
   */
  check(
    claim: Claim,
    isPeer: (id: string) => boolean,
    isConnected: (role: OwnerRole, id: string) => boolean,
  ): CloseReason | undefined {
    const { role, id, publicKey } = claim;
    if (id === this.#self) return notAdmitted(`${id} is the id of this Main Relay`);
    if (RESERVED_IDS.includes(id)) return notAdmitted(`${id} is a reserved id`);
    if (role === 'home' && isPeer(id)) return notAdmitted(`${id} is the id of a peer`);
    const record = this.#records.get(keyOf(role, id));
    if (record !== undefined) {
      return record.key === publicKey ? undefined : notAdmitted(`${id} belongs to another key`);
    }
    const refusal = this.#checkStranger(claim);
    if (refusal !== undefined) return refusal;
    return this.#makeRoom(isConnected)
      ? undefined
      : { code: CLOSE_CODES.tooManyAttempts, reason: 'no room for a new id' };
  }

  /** Whether another key owns this id: for nodes that this one dials, whatever the mode. */
  belongsToAnother(role: OwnerRole, id: string, publicKey: string): boolean {
    const record = this.#records.get(keyOf(role, id));
    return record !== undefined && record.key !== publicKey;
  }

  /** Lets a claim in that `check` has let pass: uses its token up if it needs one, which a racer may have done meanwhile. */
  enter(claim: Claim): { readonly epoch: number } | CloseReason {
    const isStranger = !this.#records.has(keyOf(claim.role, claim.id));
    if (isStranger && this.mode === 'invite') {
      const { token, role } = claim;
      const isUsed =
        token !== undefined && this.#invites?.consume(token, role, this.#clock.wallNow()) === true;
      if (!isUsed) return wrongToken();
    }
    return { epoch: this.admit(claim) };
  }

  /** Binds the id to the key and returns the epoch of its new session, whatever the mode. */
  admit(claim: Claim): number {
    const known = this.#records.get(keyOf(claim.role, claim.id));
    const now = this.#clock.wallNow();
    const epoch = Math.max(now, (known?.epoch ?? 0) + 1);
    const { role, id, publicKey: key } = claim;
    this.#keep({ role, id, key, epoch, seenAt: now, presence: 'connected' });
    return epoch;
  }

  /** It was in use until now, and this is how it stands from now on. */
  touch(role: OwnerRole, id: string, presence: Presence): void {
    const record = this.#records.get(keyOf(role, id));
    if (record !== undefined) this.#keep({ ...record, seenAt: this.#clock.wallNow(), presence });
  }

  /**
   * Asked at the start: ids that had a session when this Main ended, or had lost theirs less than `withinMs` ago. They are expected
   * to come back by themselves.
   */
  expected(role: OwnerRole, withinMs: number): readonly string[] {
    const since = this.#clock.wallNow() - withinMs;
    const isExpected = ({ presence, seenAt }: AdmissionRecord): boolean =>
      presence === 'connected' || (presence === 'lost' && seenAt > since);
    return [...this.#records.values()]
      .filter((record) => record.role === role && isExpected(record))
      .map(({ id }) => id);
  }

  /** Commands beside this Main may ask it to forget keys. */
  get takesRequests(): boolean {
    return this.#invites !== undefined;
  }

  /** Forgets what commands beside this Main have asked for since, and returns whom. */
  takeForgotten(): readonly ForgottenId[] {
    const ids = this.#invites?.takeForgotten() ?? [];
    for (const { role, id } of ids) this.forget(role, id);
    return ids;
  }

  /** Another key may claim the id now. False if nobody owned it. */
  forget(role: OwnerRole, id: string): boolean {
    if (!this.#records.delete(keyOf(role, id))) return false;
    this.#store.remove(role, id);
    return true;
  }

  #checkStranger({ id, role, token }: Claim): CloseReason | undefined {
    switch (this.mode) {
      case 'open':
        return undefined;
      case 'invite':
        if (token === undefined) return notAdmitted(`${id} needs an invitation (RELAY_TOKEN)`);
        return this.#invites?.isValid(token, role, this.#clock.wallNow()) === true ? undefined : wrongToken();
      case 'closed':
        return notAdmitted(`${id} is not known here`);
    }
  }

  #makeRoom(isConnected: (role: OwnerRole, id: string) => boolean): boolean {
    if (this.#records.size < this.#maxIds) return true;
    const before = this.#clock.wallNow() - KEPT_MS;
    for (const record of this.#records.values()) {
      // Those after it were used later still.
      if (record.seenAt > before) return false;
      if (isConnected(record.role, record.id)) this.touch(record.role, record.id, 'connected');
      else return this.forget(record.role, record.id);
    }
    return false;
  }

  #keep(record: AdmissionRecord): void {
    const key = keyOf(record.role, record.id);
    this.#records.delete(key);
    this.#records.set(key, record);
    this.#store.put(record);
  }
}

function keyOf(role: OwnerRole, id: string): string {
  return `${role} ${id}`;
}

/** One text for unknown, wrong, used and expired: a stranger learns nothing from trying. */
function wrongToken(): CloseReason {
  return { code: CLOSE_CODES.authenticationFailed, reason: 'token: not a valid invitation for this role' };
}

function notAdmitted(why: string): CloseReason {
  return { code: CLOSE_CODES.notAdmitted, reason: `not admitted: ${why}` };
}
