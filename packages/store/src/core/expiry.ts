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
/** Leases that last longer than this are checkpointed as often. */
const checkpointSeconds = 300;
const mostCheckpoints = 1000;

/** `underWay` are ids whose revocation is already proposed. */
export function planExpiry(
  leases: Pick<LeaseVerbs, "expired" | "checkpointsDue" | "nextExpiryMs">,
  underWay: ReadonlySet<bigint>,
  nowMs: number,
): ExpiryPlan {
  const revoke = leases.expired(nowMs, mostRevocations).filter((id) => !underWay.has(id));
  const checkpoint = leases.checkpointsDue(nowMs, checkpointSeconds, mostCheckpoints);
  const next = leases.nextExpiryMs();
  if (next === undefined) return { revoke, checkpoint, wakeAtMs: undefined };
  // Not more often than twice a second, and often enough for the checkpoints.
  const wakeAtMs = Math.min(Math.max(next, nowMs + 500), nowMs + checkpointSeconds * 1000);
  return { revoke, checkpoint, wakeAtMs };
}
