// What a leader believes about one follower's log.
//
//              append accepted                    too far behind
//   probe ───────────────────────► replicate   probe ────────────► snapshot
//     ▲  one append per heartbeat    │ stream of appends              │
//     └──────── append lost/rejected ┘     ◄── snapshot applied ──────┘
import type { Index } from "../entry.ts";
import { Inflights } from "./inflights.ts";

export interface Progress {
  /** Known to be equal to the leader's log up to here. match < next. */
  match: Index;
  /** The next entry to send. In "replicate" it runs ahead of what was acknowledged. */
  next: Index;
  state: "probe" | "replicate" | "snapshot";
  /** The follower was sent a snapshot up to here and gets nothing until it has it. */
  pendingSnapshot: Index;
  /** Heard of since the last check of the quorum. */
  recentActive: boolean;
  /** A probe is under way, or the window is full: wait for an answer or the next heartbeat. */
  paused: boolean;
  readonly inflights: Inflights;
  isLearner: boolean;
}

export function createProgress(
  match: Index,
  next: Index,
  isLearner: boolean,
  limits: { maxMessages: number; maxBytes: number },
): Progress {
  const inflights = new Inflights(limits.maxMessages, limits.maxBytes);
  return { match, next, state: "probe", pendingSnapshot: 0, recentActive: false, paused: false, inflights, isLearner };
}

function resetState(progress: Progress, state: Progress["state"]): void {
  progress.paused = false;
  progress.pendingSnapshot = 0;
  progress.state = state;
  progress.inflights.reset();
}

export function becomeProbe(progress: Progress): void {
  const afterSnapshot = progress.state === "snapshot" ? progress.pendingSnapshot + 1 : 0;
  resetState(progress, "probe");
  progress.next = Math.max(progress.match + 1, afterSnapshot);
}

export function becomeReplicate(progress: Progress): void {
  resetState(progress, "replicate");
  progress.next = progress.match + 1;
}

export function becomeSnapshot(progress: Progress, index: Index): void {
  resetState(progress, "snapshot");
  progress.pendingSnapshot = index;
  progress.next = index + 1;
}

export function sentEntries(progress: Progress, count: number, bytes: number): void {
  if (progress.state === "replicate") {
    if (count > 0) {
      progress.next += count;
      progress.inflights.add(progress.next - 1, bytes);
    }
    progress.paused = progress.inflights.full();
  } else if (count > 0) {
    progress.paused = true;
  }
}

/** True when the acknowledgement said something new. */
export function maybeUpdate(progress: Progress, index: Index): boolean {
  if (index <= progress.match) return false;
  progress.match = index;
  progress.next = Math.max(progress.next, index + 1);
  progress.paused = false;
  return true;
}

/** True when the rejection is not stale; `next` is then moved back. */
export function maybeDecrease(progress: Progress, rejected: Index, hint: Index): boolean {
  if (progress.state === "replicate") {
    if (rejected <= progress.match) return false;
    progress.next = progress.match + 1;
    return true;
  }
  if (progress.next - 1 !== rejected) return false;
  progress.next = Math.max(Math.min(rejected, hint + 1), progress.match + 1);
  progress.paused = false;
  return true;
}

export function isPaused(progress: Progress): boolean {
  return progress.state === "snapshot" || progress.paused;
}
