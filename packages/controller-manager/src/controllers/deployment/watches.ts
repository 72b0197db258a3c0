// A Deployment wakes when it changes, when one of its ReplicaSets does, and, for Recreate, when a pod of one of those goes.
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Deployment, ReplicaSet } from "@coxswain/api/apps/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { selects } from "../../ownership/selector.ts";

export function deploymentWatches(
  deployments: Informer<Deployment>,
  sets: Informer<ReplicaSet>,
  pods: Informer<Pod>,
): readonly Watch[] {
  const ownersOf = (set: DeepReadonly<ReplicaSet>): readonly string[] => {
    const namespace = set.metadata.namespace ?? "";
    const controller = set.metadata.ownerReferences?.find((reference) => reference.controller);
    if (controller) return controller.kind === "Deployment" ? [`${namespace}/${controller.name}`] : [];
    return deployments
      .byIndex("namespace", namespace)
      .filter((one) => selects(one.spec?.selector, set.metadata.labels))
      .map(objectKey);
  };
  const recreatedBy = (pod: DeepReadonly<Pod>, gone: boolean): readonly string[] => {
    if (!gone) return [];
    const controller = pod.metadata.ownerReferences?.find(
      (reference) => reference.controller && reference.kind === "ReplicaSet",
    );
    const set = controller && sets.get(`${pod.metadata.namespace}/${controller.name}`);
    return (set ? ownersOf(set) : []).filter((key) => deployments.get(key)?.spec?.strategy?.type === "Recreate");
  };
  return [
    wakeOn(deployments, (deployment) => [objectKey(deployment)]),
    wakeOn(sets, ownersOf),
    wakeOn(pods, (pod, event) =>
      recreatedBy(pod, event.type === "deleted" || pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded"),
    ),
  ];
}
