// Decides the next step of a StatefulSet: pods with fixed names, made from the lowest ordinal up, removed and updated from the
// highest down, one after the other unless it is told to do so in parallel. A pod of an old template that has never become ready, or of a
// rollout that was given up, is replaced although it is not its turn: otherwise a broken rollout could never be mended (Kubernetes waits for ever).
import type { StatefulSet, StatefulSetStatus } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";
import { isAvailable, isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { revisionLabel } from "../../revisions/revisions.ts";
import { share } from "../deployment/shares.ts";

export type ReadonlyStatefulSet = DeepReadonly<StatefulSet>;

export interface StatefulSetView {
  readonly set: ReadonlyStatefulSet;
  /** Everything it owns. */
  readonly pods: readonly ReadonlyPod[];
  /** Names of the revisions: the one all pods had when the last rollout ended, and the template's. */
  readonly currentRevision: string;
  readonly updateRevision: string;
  readonly nowMs: number;
}

export type StatefulAction =
  | { readonly kind: "create"; readonly ordinal: number; readonly revision: string }
  | { readonly kind: "delete"; readonly pod: ReadonlyPod; readonly scaledDown: boolean };

export const firstOrdinal = (set: ReadonlyStatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const podName = (set: ReadonlyStatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

export function ordinalOf(set: ReadonlyStatefulSet, pod: ReadonlyPod): number | undefined {
  const suffix = pod.metadata.name.startsWith(`${set.metadata.name}-`)
    ? pod.metadata.name.slice(set.metadata.name.length + 1)
    : "";
  return /^\d+$/.test(suffix) ? Number(suffix) : undefined;
}

/** A first status is written in more than one step. */
const firstStatusMs = 2_000;

const revisionOf = (pod: ReadonlyPod): string => pod.metadata.labels?.[revisionLabel] ?? "";
const isGoing = (pod: ReadonlyPod): boolean => pod.metadata.deletionTimestamp !== undefined;
const isUp = (pod: ReadonlyPod): boolean => pod.status?.phase === "Running" && isReady(pod);

/** A pod of the template that the last complete rollout had may come back by itself, if it was ready once. */
function isStuck({ currentRevision, updateRevision }: StatefulSetView, pod: ReadonlyPod): boolean {
  const revision = revisionOf(pod);
  return !isUp(pod) && revision !== updateRevision && (revision !== currentRevision || !wasReady(pod));
}

/** The condition has changed since the pod's first status. */
function wasReady({ status }: ReadonlyPod): boolean {
  const changed = status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
  return Date.parse(changed ?? "") > Date.parse(status?.startTime ?? "") + firstStatusMs;
}

export function planStatefulSet(view: StatefulSetView): Plan<StatefulAction> {
  const { set, updateRevision } = view;
  if (set.metadata.deletionTimestamp !== undefined) return still("it is being deleted");
  const start = firstOrdinal(set);
  const replicas = set.spec?.replicas ?? 1;
  const ordered = set.spec?.podManagementPolicy !== "Parallel";
  const rolling = set.spec?.updateStrategy?.type !== "OnDelete";
  const boundary = start + (set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
  const byOrdinal = new Map<number, ReadonlyPod>();
  for (const pod of view.pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const revisionFor = (ordinal: number): string =>
    !rolling || ordinal < boundary ? view.currentRevision : updateRevision;
  const settled = (pod: ReadonlyPod): boolean =>
    isUp(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, view.nowMs);

  const actions: StatefulAction[] = [];
  for (let ordinal = start; ordinal < start + replicas; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      actions.push({ kind: "create", ordinal, revision: revisionFor(ordinal) });
      if (ordered) return { actions, because: `pod ${ordinal} is missing` };
    } else if (isGoing(pod)) {
      if (ordered) return still(`pod ${ordinal} is on its way out`);
    } else if (isFinished(pod)) {
      actions.push({ kind: "delete", pod, scaledDown: false });
      if (ordered) return { actions, because: `pod ${ordinal} has ended` };
    } else if (ordered && !settled(pod)) {
      const stuck = rolling && ordinal >= boundary && isStuck(view, pod);
      if (!stuck) return still(`pod ${ordinal} is not available yet`);
      return {
        actions: [{ kind: "delete", pod, scaledDown: false }],
        because: `pod ${ordinal} of an old template does not become ready`,
      };
    }
  }
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= start + replicas)
    .sort(([a], [b]) => b - a);
  const unhealthy = condemned.findLast(([, pod]) => isGoing(pod) || !isUp(pod))?.[1];
  for (const [ordinal, pod] of condemned) {
    if (isGoing(pod)) {
      if (ordered) return still(`pod ${ordinal} is on its way out`);
      continue;
    }
    if (ordered && !settled(pod) && pod !== unhealthy)
      return still(`pod ${ordinal} is more than asked for, but not available, and not the first that is not`);
    actions.push({ kind: "delete", pod, scaledDown: true });
    if (ordered) return { actions, because: `pod ${ordinal} is more than asked for` };
  }
  if (actions.length > 0) return { actions, because: "pods are missing, have ended, or are too many" };
  if (!rolling) return still("pods are updated when they are deleted");
  const most = Math.max(1, share(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, replicas, Math.ceil));
  return update(view, byOrdinal, { from: start + replicas - 1, to: boundary, most, settled });
}

function update(
  { updateRevision }: StatefulSetView,
  byOrdinal: ReadonlyMap<number, ReadonlyPod>,
  range: {
    readonly from: number;
    readonly to: number;
    readonly most: number;
    readonly settled: (pod: ReadonlyPod) => boolean;
  },
): Plan<StatefulAction> {
  let away = [...byOrdinal.values()].filter((pod) => isGoing(pod) || !range.settled(pod)).length;
  const actions: StatefulAction[] = [];
  for (let ordinal = range.from; ordinal >= range.to; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || isGoing(pod) || revisionOf(pod) === updateRevision) continue;
    const broken = !range.settled(pod);
    if (!broken && away >= range.most)
      return actions.length > 0 ? rollOn(actions) : still("updated pods are not available yet");
    actions.push({ kind: "delete", pod, scaledDown: false });
    if (!broken) away++;
  }
  return actions.length > 0 ? rollOn(actions) : still("as asked for");
}

const rollOn = (actions: readonly StatefulAction[]): Plan<StatefulAction> => ({
  actions,
  because: "pods of an old template are replaced",
});
const still = (because: string): Plan<StatefulAction> => ({ actions: [], because });

export function statefulSetStatus(view: StatefulSetView): {
  readonly status: StatefulSetStatus;
  readonly wakeAfterMs: number | undefined;
} {
  const { set, nowMs, updateRevision, currentRevision } = view;
  const minReady = set.spec?.minReadySeconds ?? 0;
  const replicas = set.spec?.replicas ?? 1;
  const pods = view.pods.filter((pod) => ordinalOf(set, pod) !== undefined);
  const living = pods.filter((pod) => !isGoing(pod) && !isFinished(pod));
  const ready = pods.filter(isUp).length;
  const available = pods.filter((pod) => isUp(pod) && isAvailable(pod, minReady, nowMs)).length;
  const updated = living.filter((pod) => revisionOf(pod) === updateRevision).length;
  const complete =
    updated === replicas &&
    pods.length === replicas &&
    available === replicas &&
    set.spec?.updateStrategy?.type !== "OnDelete";
  const current = complete ? updateRevision : currentRevision;
  const collisionCount = set.status?.collisionCount;
  return {
    status: {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: available,
      currentReplicas: living.filter((pod) => revisionOf(pod) === current).length,
      updatedReplicas: updated,
      currentRevision: current,
      updateRevision,
      ...(collisionCount === undefined ? {} : { collisionCount }),
    },
    wakeAfterMs: available < ready ? Math.max(1_000, minReady * 1000) : undefined,
  };
}
