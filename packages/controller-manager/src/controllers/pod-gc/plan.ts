// Which pods nobody else will remove: on a node that is gone, deleted before they had one, on a node that was declared out of
// service, or ended and more than the threshold of such.
import type { Node } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { createdMs, isFinished } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";

export interface PodGcView {
  readonly pods: readonly ReadonlyPod[];
  readonly nodeOf: (name: string) => DeepReadonly<Node> | undefined;
  /** How long a node of this name has been missing; undefined when it is there. */
  readonly missingMs: (node: string) => number | undefined;
  readonly terminatedThreshold: number;
}

export interface PodRemoval {
  readonly pod: ReadonlyPod;
  readonly because: string;
  readonly reason: "DeletionByPodGC" | undefined;
}

/** A node may be on its way back, or new to our cache. */
export const quarantineMs = 40_000;

export function planPodGc(view: PodGcView): readonly PodRemoval[] {
  const removals: PodRemoval[] = [];
  const ended: ReadonlyPod[] = [];
  for (const pod of view.pods) {
    const node = pod.spec?.nodeName ?? "";
    const deleted = pod.metadata.deletionTimestamp !== undefined;
    if (node === "" && deleted)
      removals.push({ pod, because: "it was deleted before it had a node", reason: undefined });
    else if (node !== "" && (view.missingMs(node) ?? 0) >= quarantineMs)
      removals.push({ pod, because: "its node is gone", reason: "DeletionByPodGC" });
    else if (deleted && isOutOfService(view.nodeOf(node)))
      removals.push({ pod, because: "its node is out of service", reason: "DeletionByPodGC" });
    else if (isFinished(pod)) ended.push(pod);
  }
  const surplus = view.terminatedThreshold > 0 ? ended.length - view.terminatedThreshold : 0;
  const oldest = surplus > 0 ? ended.sort((a, b) => createdMs(a) - createdMs(b)).slice(0, surplus) : [];
  return [...removals, ...oldest.map((pod) => ({ pod, because: "too many pods have ended", reason: undefined }))];
}

const isOutOfService = (node: DeepReadonly<Node> | undefined): boolean =>
  node?.spec?.taints?.some(
    (taint) => taint.key === "node.kubernetes.io/out-of-service" && taint.effect === "NoExecute",
  ) ?? false;
