// When the node is short of something: which conditions it shows, what it clears away, and which pod it ends, in the order
// and the words of the kubelet's eviction manager. One pod at a time; what it frees is seen at the next look. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import { isCritical } from "../admission/admit.ts";
import { rankedFor } from "./rank.ts";
import type { PodUse } from "./rank.ts";
import type { Observation, Signal, Threshold } from "./thresholds.ts";
import { valueIn } from "./thresholds.ts";
import { evictionMessage } from "./words.ts";

export type Pressure = "MemoryPressure" | "DiskPressure" | "PIDPressure";

export interface EvictionView {
  readonly thresholds: readonly Threshold[];
  readonly observations: ReadonlyMap<Signal, Observation>;
  readonly pods: readonly PodUse[];
  /** Since when each threshold has been met, by its name; what the last plan said. */
  readonly metSince: ReadonlyMap<string, number>;
  /** When each pressure was seen last. */
  readonly pressedAt: ReadonlyMap<Pressure, number>;
  readonly transitionMs: number;
  readonly maxGraceSeconds: number;
  readonly nowMs: number;
}

export interface EvictionPlan {
  readonly metSince: ReadonlyMap<string, number>;
  readonly pressedAt: ReadonlyMap<Pressure, number>;
  readonly pressures: readonly Pressure[];
  /** Images and dead containers go first, when it is the disk. */
  readonly reclaimDisk: boolean;
  readonly evict: { readonly pod: Pod; readonly message: string; readonly graceSeconds: number } | undefined;
  /** The resource that is fought for, for the node's event. */
  readonly resource: string | undefined;
  readonly because: string;
}

const pressureOf: Readonly<Record<Signal, Pressure>> = {
  "memory.available": "MemoryPressure",
  "nodefs.available": "DiskPressure",
  "nodefs.inodesFree": "DiskPressure",
  "imagefs.available": "DiskPressure",
  "imagefs.inodesFree": "DiskPressure",
  "pid.available": "PIDPressure",
};

const resourceOf: Readonly<Record<Signal, string>> = {
  "memory.available": "memory",
  "nodefs.available": "ephemeral-storage",
  "nodefs.inodesFree": "inodes",
  "imagefs.available": "ephemeral-storage",
  "imagefs.inodesFree": "inodes",
  "pid.available": "pids",
};

export function planEviction(view: EvictionView): EvictionPlan {
  const { nowMs, observations } = view;
  const met = view.thresholds.filter((threshold) => isMet(threshold, view));
  const metSince = new Map(met.map((threshold) => [nameOf(threshold), view.metSince.get(nameOf(threshold)) ?? nowMs]));
  const pressedAt = new Map(view.pressedAt);
  for (const threshold of met) pressedAt.set(pressureOf[threshold.signal], nowMs);
  const pressures = [...pressedAt]
    .filter(([, atMs]) => nowMs - atMs < view.transitionMs || atMs === nowMs)
    .map(([type]) => type);
  const due = met
    .filter((threshold) => nowMs - (metSince.get(nameOf(threshold)) ?? nowMs) >= threshold.graceMs)
    .toSorted((a, b) => Number(b.signal === "memory.available") - Number(a.signal === "memory.available"));
  const seen = { metSince, pressedAt, pressures };
  const [worst] = due;
  if (!worst)
    return {
      ...seen,
      reclaimDisk: false,
      evict: undefined,
      resource: undefined,
      because: "no threshold is met for long enough",
    };

  const resource = resourceOf[worst.signal];
  const observed = observations.get(worst.signal);
  const reclaimDisk = pressureOf[worst.signal] === "DiskPressure";
  const because = `${worst.signal} is ${observed?.available ?? 0}, the threshold ${valueIn(worst.value, observed?.capacity ?? 0)}`;
  const [victim] = rankedFor(
    resource,
    view.pods.filter(({ pod }) => !isCritical(pod)),
  );
  return {
    ...seen,
    ...{ reclaimDisk, resource, because },
    evict: victim && {
      pod: victim.pod,
      message: evictionMessage(resource, victim, worst, observed),
      graceSeconds: worst.isHard
        ? 1
        : Math.min(view.maxGraceSeconds, victim.pod.spec?.terminationGracePeriodSeconds ?? 30),
    },
  };
}

/** A threshold that was met stays so until its minimum has been reclaimed as well. */
function isMet(threshold: Threshold, { observations, metSince }: EvictionView): boolean {
  const observed = observations.get(threshold.signal);
  if (!observed) return false;
  const value = valueIn(threshold.value, observed.capacity);
  const more =
    metSince.has(nameOf(threshold)) && threshold.minReclaim ? valueIn(threshold.minReclaim, observed.capacity) : 0;
  return observed.available < value + more;
}

function nameOf({ signal, isHard }: Threshold): string {
  return `${signal} ${isHard ? "hard" : "soft"}`;
}
