// The arithmetic of a rollout: surge and unavailability as numbers, how far sets may grow and shrink, proportional scaling.
// The invariants: never more than replicas + surge pods are asked for, never fewer than replicas − unavailable available ones
// given up. All sizes are of specs, so that what was decided a moment ago counts although no pod has changed yet.
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { DeepReadonly, IntOrString } from "@coxswain/apimachinery";
import { desiredReplicas, maxReplicas } from "./annotations.ts";
import { byAge } from "./template.ts";

type Set = DeepReadonly<ReplicaSet>;
export interface Resize {
  readonly set: Set;
  readonly to: number;
}

export const sizeOf = (set: Set): number => set.spec?.replicas ?? 1;
export const sum = (sets: readonly Set[], of: (set: Set) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);
/** Those beyond its size are on their way out, though its status, written before, may still count them. */
export const available = (set: Set): number => Math.min(set.status?.availableReplicas ?? 0, sizeOf(set));
export const wantedReplicas = (deployment: DeepReadonly<Deployment>): number => deployment.spec?.replicas ?? 1;
export const isRolling = (deployment: DeepReadonly<Deployment>): boolean =>
  deployment.spec?.strategy?.type !== "Recreate";

/** Surge is rounded up, unavailability down; both zero would stand still, so then one may be away. */
export function fences(deployment: DeepReadonly<Deployment>): { readonly surge: number; readonly unavailable: number } {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return { surge: 0, unavailable: wanted };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, wanted, Math.ceil);
  const unavailable = share(maxUnavailable, wanted, Math.floor);
  return { surge, unavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, wanted) };
}

export function share(value: IntOrString, of: number, round: (value: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value);
  return percent ? round((Number(percent[1]) * of) / 100) : Number(value) || 0;
}

/** How large the new set may be now. */
export function newSetSize(
  deployment: DeepReadonly<Deployment>,
  sets: readonly Set[],
  newSet: Set | undefined,
): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const present = newSet ? sizeOf(newSet) : 0;
  if (present >= wanted) return wanted;
  const room = wanted + fences(deployment).surge - sum(sets, sizeOf);
  return room <= 0 ? present : present + Math.min(room, wanted - present);
}

/** How the old sets shrink: first what is not available anyway, then as much as availability allows; the oldest first. */
export function shrinkOldSets(
  deployment: DeepReadonly<Deployment>,
  oldSets: readonly Set[],
  newSet: Set,
): readonly Resize[] {
  const least = wantedReplicas(deployment) - fences(deployment).unavailable;
  const sizes = new Map(oldSets.map((set) => [set, sizeOf(set)]));
  const newUnavailable = sizeOf(newSet) - available(newSet);
  let unhealthyRoom = sum(oldSets, sizeOf) + sizeOf(newSet) - least - newUnavailable;
  if (unhealthyRoom <= 0) return [];
  for (const set of byAge(oldSets)) {
    const size = sizeOf(set);
    const step = Math.min(unhealthyRoom, Math.max(0, size - available(set)));
    if (step <= 0) continue;
    sizes.set(set, size - step);
    unhealthyRoom -= step;
  }
  let room = sum(oldSets, available) + available(newSet) - least;
  for (const set of byAge(oldSets)) {
    const size = sizes.get(set) ?? 0;
    const step = Math.min(size, Math.max(0, room));
    sizes.set(set, size - step);
    room -= step;
  }
  return [...sizes].filter(([set, to]) => to !== sizeOf(set)).map(([set, to]) => ({ set, to }));
}

/** Whether `replicas` was changed since the sets were last sized. */
export function wasScaled(deployment: DeepReadonly<Deployment>, sets: readonly Set[]): boolean {
  return sets.some((set) => {
    const desired = sizeOf(set) > 0 ? desiredReplicas(set) : undefined;
    return desired !== undefined && desired !== wantedReplicas(deployment);
  });
}

/** Sizes after a change of `replicas`: all in one set if only one is alive, otherwise in proportion. */
export function proportionalSizes(
  deployment: DeepReadonly<Deployment>,
  oldSets: readonly Set[],
  newSet: Set | undefined,
): readonly Resize[] {
  const wanted = wantedReplicas(deployment);
  const all = newSet ? [...oldSets, newSet] : [...oldSets];
  const living = all.filter((set) => sizeOf(set) > 0);
  if (living.length <= 1) {
    const only = living[0] ?? newSet ?? byAge(oldSets).at(-1);
    return only && sizeOf(only) !== wanted ? [{ set: only, to: wanted }] : [];
  }
  if (newSet && sizeOf(newSet) === wanted && desiredReplicas(newSet) === wanted && available(newSet) === wanted) {
    return oldSets.filter((set) => sizeOf(set) > 0).map((set) => ({ set, to: 0 }));
  }
  if (!isRolling(deployment)) return [];
  const most = wanted > 0 ? wanted + fences(deployment).surge : 0;
  const toAdd = most - sum(living, sizeOf);
  const newestFirst = byAge(living).toReversed();
  const ordered = [...(toAdd > 0 ? newestFirst : newestFirst.toReversed())].sort((a, b) => sizeOf(b) - sizeOf(a));
  let added = 0;
  const targets = ordered.map((set) => {
    const part = toAdd === 0 ? 0 : proportion(deployment, set, most, toAdd, added);
    added += part;
    return { set, to: sizeOf(set) + part };
  });
  return targets.map(({ set, to }, index) => ({ set, to: Math.max(0, index === 0 ? to + toAdd - added : to) }));
}

function proportion(
  deployment: DeepReadonly<Deployment>,
  set: Set,
  most: number,
  toAdd: number,
  added: number,
): number {
  if (toAdd === added) return 0;
  const before = maxReplicas(set) || deployment.status?.replicas || sizeOf(set);
  const fraction =
    wantedReplicas(deployment) === 0 ? -sizeOf(set) : Math.round((sizeOf(set) * most) / before) - sizeOf(set);
  return toAdd > 0 ? Math.min(Math.max(0, fraction), toAdd - added) : Math.max(Math.min(0, fraction), toAdd - added);
}
