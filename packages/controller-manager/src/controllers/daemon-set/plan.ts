// Decides which nodes need a DaemonSet's pod, which pods must go, and how an update moves on. With surge the new pod comes before
// the old one goes, without it the other way round; never more nodes at a time than asked for.
import type { DaemonSet, DaemonSetStatus } from "@coxswain/api/apps/v1";
import type { Node, Toleration } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";
import { selectsNode, untolerated } from "../../pods/node-fit.ts";
import { createdMs, isAvailable, isFinished, isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { revisionLabel } from "../../revisions/revisions.ts";
import { share } from "../deployment/shares.ts";

export interface DaemonSetView {
  readonly daemonSet: DeepReadonly<DaemonSet>;
  readonly nodes: readonly DeepReadonly<Node>[];
  /** Everything it owns. */
  readonly pods: readonly ReadonlyPod[];
  readonly revisionHash: string;
  readonly nowMs: number;
}

export type DaemonAction =
  | { readonly kind: "create"; readonly node: string }
  | { readonly kind: "delete"; readonly pod: ReadonlyPod; readonly because: string };

/** Every daemon pod tolerates what its node may suffer: it is there to help. */
export const daemonTolerations: readonly Toleration[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];
export const hostNetworkToleration: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

interface NodePods {
  readonly node: DeepReadonly<Node>;
  readonly shouldRun: boolean;
  readonly shouldContinue: boolean;
  readonly pods: readonly ReadonlyPod[];
}

export function planDaemonSet(view: DaemonSetView): Plan<DaemonAction> {
  if (view.daemonSet.metadata.deletionTimestamp !== undefined) return { actions: [], because: "it is being deleted" };
  const places = byNode(view);
  const { surge } = limits(view, places);
  const actions: DaemonAction[] = [];
  const standing: NodePods[] = [];
  for (const place of places) {
    const failed = place.pods.filter(
      (pod) => pod.status?.phase === "Failed" && pod.metadata.deletionTimestamp === undefined,
    );
    const living = place.pods.filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined);
    for (const pod of failed) actions.push({ kind: "delete", pod, because: "it failed" });
    const done = place.pods.filter(
      (pod) => pod.status?.phase === "Succeeded" && pod.metadata.deletionTimestamp === undefined,
    );
    for (const pod of done) actions.push({ kind: "delete", pod, because: "it succeeded" });
    if (!place.shouldContinue) {
      for (const pod of living) actions.push({ kind: "delete", pod, because: "it may not run on its node" });
      continue;
    }
    const { keep, extra } = surge === 0 ? oldestOnly(living) : oldestOfEach(living, view.revisionHash);
    for (const pod of extra) actions.push({ kind: "delete", pod, because: "its node has another one" });
    // A terminating or just failed pod holds its node's place until it is gone.
    if (place.pods.length === 0 && place.shouldRun) actions.push({ kind: "create", node: place.node.metadata.name });
    standing.push({ ...place, pods: keep });
  }
  const repairs = actions.length;
  if (view.daemonSet.spec?.updateStrategy?.type !== "OnDelete") actions.push(...roll(view, standing));
  if (actions.length === 0) return { actions, because: "every node has what it should" };
  return {
    actions,
    because: repairs > 0 ? "nodes lack their pod, or have one that must go" : "pods of an old template are replaced",
  };
}

function roll(view: DaemonSetView, places: readonly NodePods[]): readonly DaemonAction[] {
  const { surge, unavailable } = limits(view, places);
  const minReady = view.daemonSet.spec?.minReadySeconds ?? 0;
  const available = (pod: ReadonlyPod): boolean => isAvailable(pod, minReady, view.nowMs);
  const isNew = (pod: ReadonlyPod): boolean => pod.metadata.labels?.[revisionLabel] === view.revisionHash;
  const remove = (pod: ReadonlyPod): DaemonAction => ({ kind: "delete", pod, because: "its template is old" });
  const actions: DaemonAction[] = [];
  let budget = surge > 0 ? surge : unavailable;
  const candidates: NodePods[] = [];
  for (const place of places.filter((one) => one.shouldRun)) {
    const fresh = place.pods.find(isNew);
    const old = place.pods.find((pod) => !isNew(pod));
    if (old === undefined) {
      if (surge === 0 && (fresh === undefined || !available(fresh))) budget--;
    } else if (surge > 0) {
      if (fresh !== undefined && available(fresh)) actions.push(remove(old));
      else if (fresh !== undefined) budget--;
      else if (!available(old)) actions.push({ kind: "create", node: place.node.metadata.name });
      else candidates.push(place);
    } else if (!available(old)) {
      actions.push(remove(old));
      budget--;
    } else candidates.push(place);
  }
  for (const { node, pods } of candidates.slice(0, Math.max(0, budget))) {
    const [old] = pods;
    if (surge > 0) actions.push({ kind: "create", node: node.metadata.name });
    else if (old) actions.push(remove(old));
  }
  return actions;
}

export function daemonSetStatus(view: DaemonSetView): {
  readonly status: DaemonSetStatus;
  readonly wakeAfterMs: number | undefined;
} {
  const minReady = view.daemonSet.spec?.minReadySeconds ?? 0;
  const places = byNode(view);
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  let waiting = false;
  for (const { shouldRun, pods } of places) {
    const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod));
    if (!shouldRun) {
      if (pods.length > 0) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    const [pod] = living.toSorted((a, b) => createdMs(a) - createdMs(b));
    if (pod === undefined) continue;
    counts.current++;
    if (living.some(isReady)) counts.ready++;
    if (living.some((one) => isAvailable(one, minReady, view.nowMs))) counts.available++;
    else if (living.some(isReady)) waiting = true;
    if (living.some((one) => one.metadata.labels?.[revisionLabel] === view.revisionHash)) counts.updated++;
  }
  const collisionCount = view.daemonSet.status?.collisionCount;
  const status: DaemonSetStatus = {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    observedGeneration: view.daemonSet.metadata.generation ?? 0,
    updatedNumberScheduled: counts.updated,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
    ...(collisionCount === undefined ? {} : { collisionCount }),
  };
  return { status, wakeAfterMs: waiting ? Math.max(1_000, minReady * 1000) : undefined };
}

/** The node a pod is on, or made for: a daemon pod names it in its affinity before the scheduler has bound it. */
export function nodeOf(pod: ReadonlyPod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap((term) => term.matchFields ?? []).find((field) => field.key === "metadata.name")?.values?.[0];
}

function byNode(view: DaemonSetView): readonly NodePods[] {
  const template = view.daemonSet.spec?.template;
  const tolerations = [
    ...(template?.spec?.tolerations ?? []),
    ...daemonTolerations,
    ...(template?.spec?.hostNetwork ? [hostNetworkToleration] : []),
  ];
  const pods = new Map<string, ReadonlyPod[]>();
  for (const pod of view.pods) {
    const node = nodeOf(pod) ?? "";
    pods.set(node, [...(pods.get(node) ?? []), pod]);
  }
  return view.nodes.map((node) => {
    const selected = selectsNode(template?.spec, node);
    return {
      node,
      shouldRun: selected && untolerated(tolerations, node, ["NoSchedule", "NoExecute"]).length === 0,
      shouldContinue: selected && untolerated(tolerations, node, ["NoExecute"]).length === 0,
      pods: pods.get(node.metadata.name) ?? [],
    };
  });
}

function limits(
  view: DaemonSetView,
  places: readonly NodePods[],
): { readonly surge: number; readonly unavailable: number } {
  const desired = places.filter((place) => place.shouldRun).length;
  const { maxSurge = 0, maxUnavailable = 1 } = view.daemonSet.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, desired, Math.ceil);
  const unavailable = share(maxUnavailable, desired, Math.ceil);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

interface Kept {
  readonly keep: readonly ReadonlyPod[];
  readonly extra: readonly ReadonlyPod[];
}

function oldestOnly(pods: readonly ReadonlyPod[]): Kept {
  const sorted = pods.toSorted((a, b) => createdMs(a) - createdMs(b));
  return { keep: sorted.slice(0, 1), extra: sorted.slice(1) };
}

function oldestOfEach(pods: readonly ReadonlyPod[], hash: string): Kept {
  const fresh = oldestOnly(pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === hash));
  const old = oldestOnly(pods.filter((pod) => pod.metadata.labels?.[revisionLabel] !== hash));
  return { keep: [...fresh.keep, ...old.keep], extra: [...fresh.extra, ...old.extra] };
}
