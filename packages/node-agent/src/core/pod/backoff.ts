// How long a container that keeps ending waits before its next attempt: at once, then 10 s, doubling to 5 min, and from
// the start again after an attempt that lived for 10 min. The count travels in the container's own label, so a
// restarted agent goes on where it was.
import type { ContainerView } from "./view.ts";

export const firstBackoffMs = 10_000;
export const longestBackoffMs = 300_000;
const forgivenAfterMs = 2 * longestBackoffMs;

/** The delay that follows the end of an attempt with `crashes` short ones before it. */
export function crashBackoffMs(crashes: number): number {
  return crashes === 0 ? 0 : Math.min(firstBackoffMs * 2 ** (crashes - 1), longestBackoffMs);
}

/** The count for the attempt after `last`. */
export function crashesAfter(last: ContainerView | undefined): number {
  if (!last) return 0;
  return ranForMs(last) >= forgivenAfterMs ? 1 : last.crashes + 1;
}

/** When the container may start again, and the delay that this comes from. */
export function backoffOf(last: ContainerView): { readonly untilMs: number; readonly delayMs: number } {
  const delayMs = ranForMs(last) >= forgivenAfterMs ? 0 : crashBackoffMs(last.crashes);
  return { untilMs: (last.finishedAtMs ?? last.createdAtMs) + delayMs, delayMs };
}

/** The delay of the next attempt at something that has no container to carry the count: a pull, a sandbox. */
export function nextDelayMs(previousMs: number | undefined): number {
  return previousMs === undefined ? firstBackoffMs : Math.min(previousMs * 2, longestBackoffMs);
}

/** Go's way to print a duration of whole seconds: "10s", "1m20s", "5m0s". */
export function goSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function ranForMs(container: ContainerView): number {
  if (container.startedAtMs === undefined || container.finishedAtMs === undefined) return 0;
  return container.finishedAtMs - container.startedAtMs;
}
