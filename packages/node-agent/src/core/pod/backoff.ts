// How long a container that keeps ending waits before its next attempt: at once, then 10 s, doubling to 5 min, and from
// the start again after an attempt that lived for 10 min. Node and pod may have other times. The count travels in the
// container's own label, so a restarted agent goes on where it was.
import type { Pod } from "@coxswain/api/core/v1";
import { rfc3339 } from "@coxswain/clock";
import type { ContainerView, PodView } from "./view.ts";

export interface BackoffTimes {
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultBackoff: BackoffTimes = { firstMs: 10_000, longestMs: 300_000 };
const forgivenAfterMs = 600_000;
/** Times of the engine and of the agent come from the same clock, but are not read at the same moment. */
const clockSlackMs = 2_000;
/** Shorter than this no wait may be: a loop of starts would starve the others. */
export const leastBackoffMs = 1_000;

/** A pod's own wishes; what they say is a duration such as 1s or 2m. */
export const backoffMarks = {
  first: "coxswain.io/backoff-initial",
  longest: "coxswain.io/backoff-max",
  /** A time. When it changes, every present wait of the pod ends. */
  retryAt: "coxswain.io/retry-at",
} as const;

/** The node's times, with the pod's own in their place. A wish that is no duration, or too short, is the least. */
export function backoffTimes(pod: Pod, node: BackoffTimes): BackoffTimes {
  const own = (key: string): number | undefined => {
    const text = pod.metadata.annotations?.[key];
    const ms = text === undefined ? undefined : durationMs(text);
    return ms === undefined ? undefined : Math.max(leastBackoffMs, ms);
  };
  const firstMs = own(backoffMarks.first) ?? node.firstMs;
  const longestMs = Math.max(firstMs, own(backoffMarks.longest) ?? node.longestMs);
  return { firstMs, longestMs };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function durationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0),
    0,
  );
}

/** When the pod says that somebody wants it tried again; `undefined` when it does not, or not with a time. */
export function retryAskedAtMs(pod: Pod): number | undefined {
  const ms = Date.parse(pod.metadata.annotations?.[backoffMarks.retryAt] ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/** The delay that follows the end of an attempt with `crashes` short ones before it. */
export function crashBackoffMs(crashes: number, times: BackoffTimes): number {
  return crashes === 0 ? 0 : Math.min(times.firstMs * 2 ** (crashes - 1), times.longestMs);
}

/** The count for the attempt after `last`. */
export function crashesAfter(last: ContainerView | undefined): number {
  if (!last) return 0;
  return ranForMs(last) >= forgivenAfterMs ? 1 : last.crashes + 1;
}

/** When the container may start again, and the delay that this comes from. Asking for a retry ends the wait. */
export function backoffOf(
  view: Pick<PodView, "backoff" | "retriedAtMs">,
  last: ContainerView,
  nowMs: number,
): { readonly untilMs: number; readonly delayMs: number } {
  const endedAtMs = last.finishedAtMs ?? last.createdAtMs;
  // The machine's clock has been set back: how long ago it ended is not known, and may be long.
  if (endedAtMs > nowMs + clockSlackMs) return { untilMs: nowMs, delayMs: 0 };
  const wanted = view.retriedAtMs !== undefined && view.retriedAtMs >= endedAtMs;
  const delayMs = wanted || ranForMs(last) >= forgivenAfterMs ? 0 : crashBackoffMs(last.crashes, view.backoff);
  return { untilMs: endedAtMs + delayMs, delayMs };
}

/** For people who wait: when it goes on. */
export function nextAttemptText(untilMs: number): string {
  return `next attempt at ${rfc3339(untilMs)}`;
}

/** The delay of the next attempt at something that has no container to carry the count: a pull, a sandbox. */
export function nextDelayMs(previousMs: number | undefined, times: BackoffTimes): number {
  return previousMs === undefined ? times.firstMs : Math.min(previousMs * 2, times.longestMs);
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
