// Two Mains hold one session. Both sides decide with the same rule which of two links stays (protocol.md §3, "Two Mains").

/** A link to a peer that stands or is about to. */
export interface PeerLink {
  readonly dialledBy: 'us' | 'them';
  /** Start of the other process; empty if this side does not know it. */
  readonly instance: string;
}

/** Whether a new link to a peer replaces the one that is there. */
export function replaces(present: PeerLink, next: PeerLink, self: string, peer: string): boolean {
  // Another process: what is there leads to one that has gone.
  if (present.instance !== '' && next.instance !== '' && present.instance !== next.instance) return true;
  if (present.dialledBy === next.dialledBy) return true;
  const smallerDials = isBefore(self, peer) ? 'us' : 'them';
  return next.dialledBy === smallerDials;
}

/** Byte order; ids are ASCII. */
function isBefore(a: string, b: string): boolean {
  return a < b;
}
