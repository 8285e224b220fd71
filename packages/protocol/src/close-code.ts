// Close codes of federation links. Source: protocol.md §9.

export const CLOSE_CODES = {
  done: 1000,
  goingAway: 1001,
  abnormal: 1006,
  tooBig: 1009,
  restart: 1012,
  overloaded: 1013,
  malformed: 4400,
  authenticationFailed: 4401,
  notAdmitted: 4403,
  handshakeTimeout: 4408,
  superseded: 4409,
  expired: 4410,
  tooManyAttempts: 4429,
} as const satisfies Record<string, number>;

/** Final codes: do not redial with the same credentials. */
export function isFinalClose(code: number): boolean {
  return code === CLOSE_CODES.authenticationFailed || code === CLOSE_CODES.notAdmitted;
}
