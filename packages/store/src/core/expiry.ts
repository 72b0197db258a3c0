// What the leader owes its leases at a time: which have run out, which remaining times the others should know, and when to look again.
import type { LeaseVerbs } from "@coxswain/mvcc";

export interface ExpiryPlan {
  readonly revoke: readonly bigint[];
  readonly checkpoint: readonly { readonly id: bigint; readonly remainingTtlSeconds: number }[];
  /** Undefined: nothing will run out. */
  readonly wakeAtMs: number | undefined;
}

/** At most this many revocations are under way at once, as in etcd. */
const mostRevocations = 1000;
/** Often enough for what mvcc tells of long leases (every five minutes of their time). */
const longestWaitMs = 300_000;
const mostCheckpoints = 1000;

/** `underWay` are ids whose revocation is already proposed. */
export function planExpiry(
  leases: Pick<LeaseVerbs, "expired" | "checkpointsDue" | "nextExpiryMs">,
  underWay: ReadonlySet<bigint>,
  nowMs: number,
): ExpiryPlan {
  const revoke = leases.expired(nowMs, mostRevocations).filter((id) => !underWay.has(id));
  const checkpoint = leases.checkpointsDue(nowMs, mostCheckpoints);
  const next = leases.nextExpiryMs();
  if (next === undefined) return { revoke, checkpoint, wakeAtMs: undefined };
  // Not more often than twice a second.
  const wakeAtMs = Math.min(Math.max(next, nowMs + 500), nowMs + longestWaitMs);
  return { revoke, checkpoint, wakeAtMs };
}
