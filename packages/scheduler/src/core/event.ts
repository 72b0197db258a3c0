// Changes in the cluster that may help pods that found no node. Which rule listens to which stands in the rule (`wakes`).
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "@coxswain/api/core/v1";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from "@coxswain/api/storage/v1";
import type { NodeView, PodView } from "./resources.ts";

type Changed<Type extends string, T> = {
  readonly type: Type;
  readonly object: DeepReadonly<T>;
  /** Undefined: it is new. */
  readonly old: DeepReadonly<T> | undefined;
};

export type ClusterEvent =
  | { readonly type: "node-added"; readonly node: NodeView }
  | { readonly type: "node-updated"; readonly node: NodeView; readonly old: NodeView }
  /** A pod was bound (by anyone), or a bound pod's labels changed. */
  | { readonly type: "pod-placed"; readonly pod: PodView }
  /** A bound pod went away, ended, or asks for less. */
  | { readonly type: "pod-gone"; readonly pod: PodView }
  | Changed<"claim-changed", PersistentVolumeClaim>
  | Changed<"volume-changed", PersistentVolume>
  | Changed<"storage-class-changed", StorageClass>
  | Changed<"csi-node-changed", CSINode>
  | Changed<"csi-driver-changed", CSIDriver>
  | Changed<"capacity-changed", CSIStorageCapacity>
  | { readonly type: "attachment-gone"; readonly driver: string };
