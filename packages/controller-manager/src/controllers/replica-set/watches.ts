// A ReplicaSet wakes when it changes, when a pod it controls changes, and when a pod that nobody controls may be its own.
import type { DeepReadonly } from "@coxswain/apimachinery";
import { objectKey } from "@coxswain/apimachinery";
import type { Pod } from "@coxswain/api/core/v1";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { controlledBy, isControlled } from "../../ownership/controlled-by.ts";
import { selects } from "../../ownership/selector.ts";
import { selectorOf } from "./selector.ts";
import type { Replicator } from "./plan.ts";

export function replicaSetWatches<T extends Replicator>(
  kind: string,
  sets: Informer<T>,
  pods: Informer<Pod>,
): readonly Watch[] {
  const setsOf = (pod: DeepReadonly<Pod>): readonly string[] => {
    if (isControlled(pod)) return controlledBy(kind, pod);
    return sets
      .byIndex("namespace", pod.metadata.namespace ?? "")
      .filter((set) => selects(selectorOf(set), pod.metadata.labels))
      .map(objectKey);
  };
  return [wakeOn(sets, (set) => [objectKey(set)]), wakeOn(pods, setsOf)];
}
