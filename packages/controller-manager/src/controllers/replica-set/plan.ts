// Decides which pods a ReplicaSet (or ReplicationController) still needs, or has too many of, and what its status is. It
// looks; it does not remember. Order of deletion and conditions as kube-controller-manager's.
import type { PodTemplateSpec, ReplicationController } from "@coxswain/api/core/v1";
import type { ReplicaSet, ReplicaSetStatus } from "@coxswain/api/apps/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { parseRfc3339, rfc3339 } from "@coxswain/clock";
import type { Plan } from "@coxswain/controller";
import {
  createdMs,
  condition,
  isActive,
  isReady,
  isTerminating,
  availableInMs,
  endedMs,
  restarts,
} from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export type Replicator = ReplicaSet | ReplicationController;

export interface ReplicaSetView {
  readonly replicator: DeepReadonly<Replicator>;
  /** Everything it owns, ended and terminating ones as well. */
  readonly pods: readonly ReadonlyPod[];
  /** Active pods of the same grand-owner by node: doubles are removed first. */
  readonly podsOnNode: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

export type PodAction =
  { readonly kind: "create"; readonly count: number } | { readonly kind: "delete"; readonly pod: ReadonlyPod };

/** Most creations or deletions in one go; the rest follows when these have been seen. */
export const burst = 500;

/** A pod that failed this soon after it was made says that the next one will, too. */
const soonMs = 60_000;
const rememberedMs = 3_600_000;
const longestPauseMs = 300_000;

export function planReplicaSet(view: ReplicaSetView): Plan<PodAction> & { readonly pause?: Pause } {
  const { replicator, pods } = view;
  if (replicator.metadata.deletionTimestamp !== undefined) return { actions: [], because: "it is being deleted" };
  const wanted = replicator.spec?.replicas ?? 1;
  const living = pods.filter(isActive);
  const missing = wanted - living.length;
  if (missing > 0) {
    const pause = pauseAfter(view, wanted);
    if (pause !== undefined) return { actions: [], because: pause.because, pause };
    return {
      actions: [{ kind: "create", count: Math.min(missing, burst) }],
      because: `${missing} of ${wanted} pods are missing`,
    };
  }
  if (missing < 0) {
    const count = Math.min(-missing, burst);
    const actions = leastWanted(living, view)
      .slice(0, count)
      .map((pod) => ({ kind: "delete" as const, pod }));
    return { actions, because: `${-missing} more pods than the ${wanted} asked for` };
  }
  return { actions: [], because: "as many pods as asked for" };
}

export interface Pause {
  readonly leftMs: number;
  readonly because: string;
}

/**
 * Pods that fail for good (refused by their node, say) are replaced at once only while they have failed less than twice each, on average;
 * then after 2, 4, 8 … 300 s: a template that no node takes must not fill the store. What has failed is all that is remembered.
 */
function pauseAfter({ pods, nowMs }: ReplicaSetView, wanted: number): Pause | undefined {
  const ends = pods
    .filter((pod) => pod.status?.phase === "Failed" && createdMs(pod) > nowMs - rememberedMs)
    .filter((pod) => endedMs(pod) - createdMs(pod) < soonMs)
    .map(endedMs);
  const rounds = Math.floor(ends.length / wanted);
  if (rounds < 2) return undefined;
  const pauseMs = Math.min(1000 * 2 ** (rounds - 1), longestPauseMs);
  const leftMs = ends.reduce((latest, end) => Math.max(latest, end), 0) + pauseMs - nowMs;
  const because = `${ends.length} pods failed soon after they were made: the next follow after ${pauseMs / 1000} s`;
  return leftMs > 0 ? { leftMs, because } : undefined;
}

/** The order in which pods are given up. */
export function leastWanted(
  pods: readonly ReadonlyPod[],
  view: Pick<ReplicaSetView, "podsOnNode" | "nowMs">,
): readonly ReadonlyPod[] {
  const { podsOnNode } = view;
  const phases: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
  const readySince = (pod: ReadonlyPod): number => parseRfc3339(condition(pod, "Ready")?.lastTransitionTime ?? "") ?? 0;
  /** Ages are compared by their order of magnitude, so that among equals chance decides, not the millisecond. */
  const magnitude = (sinceMs: number): number => Math.floor(Math.log2(Math.max(1, (view.nowMs - sinceMs) / 1000)));
  const compare = (a: ReadonlyPod, b: ReadonlyPod): number =>
    Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName)) ||
    (phases[a.status?.phase ?? "Pending"] ?? 0) - (phases[b.status?.phase ?? "Pending"] ?? 0) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    (podsOnNode.get(b.spec?.nodeName ?? "") ?? 0) - (podsOnNode.get(a.spec?.nodeName ?? "") ?? 0) ||
    (isReady(a) && isReady(b) ? magnitude(readySince(a)) - magnitude(readySince(b)) : 0) ||
    restarts(b) - restarts(a) ||
    magnitude(createdMs(a)) - magnitude(createdMs(b)) ||
    ((a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1);
  return [...pods].sort(compare);
}

function deletionCost(pod: ReadonlyPod): number {
  const text = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? "0";
  return /^-?(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : 0;
}

/** The status that the pods amount to, and when it will change although nothing happens (a pod becomes available). */
export function replicaSetStatus(
  view: ReplicaSetView,
  failure: { readonly reason: "FailedCreate" | "FailedDelete"; readonly message: string } | undefined,
): { readonly status: ReplicaSetStatus; readonly wakeAfterMs: number | undefined } {
  const { replicator, nowMs } = view;
  const minReadySeconds = replicator.spec?.minReadySeconds ?? 0;
  const wanted = Object.entries(templateOf(replicator)?.metadata?.labels ?? {});
  /** Siblings have their labels in common, also as objects. */
  const labelled = new Map<object | undefined, boolean>();
  const isLabelled = ({ metadata: { labels } }: ReadonlyPod): boolean => {
    const known = labelled.get(labels) ?? wanted.every(([key, value]) => labels?.[key] === value);
    labelled.set(labels, known);
    return known;
  };
  const counts = { replicas: 0, fullyLabeledReplicas: 0, readyReplicas: 0, availableReplicas: 0 };
  let [terminating, wakeAfterMs] = [0, Number.POSITIVE_INFINITY];
  for (const pod of view.pods) {
    if (isTerminating(pod)) terminating++;
    if (!isActive(pod)) continue;
    counts.replicas++;
    if (isLabelled(pod)) counts.fullyLabeledReplicas++;
    const waitMs = availableInMs(pod, minReadySeconds, nowMs);
    if (waitMs === 0) counts.availableReplicas++;
    else if (waitMs !== undefined) wakeAfterMs = Math.min(wakeAfterMs, waitMs);
    if (waitMs !== undefined || isReady(pod)) counts.readyReplicas++;
  }
  const status: ReplicaSetStatus = {
    ...counts,
    ...(replicator.kind === "ReplicaSet" ? { terminatingReplicas: terminating } : {}),
    observedGeneration: replicator.metadata.generation ?? 0,
  };
  const conditions = (replicator.status?.conditions ?? []).filter((candidate) => candidate.type !== "ReplicaFailure");
  const before = replicator.status?.conditions?.find((candidate) => candidate.type === "ReplicaFailure");
  // The message names a pod of which there will never be another: written each time, it would wake us each time.
  const same = failure && before?.reason === failure.reason ? before : undefined;
  const { reason, message } = failure ?? {};
  const made = { type: "ReplicaFailure", status: "True", reason, message, lastTransitionTime: rfc3339(nowMs) };
  const now = failure && { ...(same ?? made) };
  const all = [...conditions, ...(now ? [now] : [])];
  return {
    status: all.length > 0 ? { ...status, conditions: all } : status,
    wakeAfterMs: Number.isFinite(wakeAfterMs) ? wakeAfterMs : undefined,
  };
}

export function templateOf(replicator: DeepReadonly<Replicator>): DeepReadonly<PodTemplateSpec> | undefined {
  return replicator.spec?.template;
}
