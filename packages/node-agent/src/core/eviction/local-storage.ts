// Limits of what a pod may keep on the node's own disk: an emptyDir's size, a container's and the pod's ephemeral storage. Who
// exceeds one is evicted, with the kubelet's words. Pure.
import type { Pod } from "@coxswain/api/core/v1";
import { amountOf } from "../container/amount.ts";
import type { PodUse } from "./rank.ts";
import { containerStorageMessage, emptyDirMessage, podStorageMessage } from "./words.ts";

/** Whether its disk use has to be looked at at all. */
export function hasStorageLimit(pod: Pod): boolean {
  const { volumes = [], containers = [] } = pod.spec ?? {};
  return (
    volumes.some((volume) => volume.emptyDir?.sizeLimit !== undefined && volume.emptyDir.medium !== "Memory") ||
    containers.some((container) => container.resources?.limits?.["ephemeral-storage"] !== undefined)
  );
}

/** What is said of the pod; undefined when it keeps to its limits. The order is the kubelet's. */
export function storageExcess(use: PodUse): string | undefined {
  const { volumes = [], containers = [] } = use.pod.spec ?? {};
  for (const { name, emptyDir } of volumes) {
    const limit = emptyDir?.sizeLimit;
    if (limit === undefined || emptyDir?.medium === "Memory" || (amountOf(limit) ?? 0) <= 0) continue;
    if ((use.volumes.get(name) ?? 0) > (amountOf(limit) ?? 0)) return emptyDirMessage(name, limit);
  }
  const limits = containers.map((container) => amountOf(container.resources?.limits?.["ephemeral-storage"]));
  const total = limits.reduce<number>((sum, limit) => sum + (limit ?? 0), 0);
  if (limits.length > 0 && !limits.includes(undefined) && use.diskBytes > total) return podStorageMessage(total);
  for (const container of containers) {
    const limit = container.resources?.limits?.["ephemeral-storage"];
    const used = use.containers.find((candidate) => candidate.name === container.name)?.diskBytes ?? 0;
    if (limit !== undefined && used > (amountOf(limit) ?? 0)) return containerStorageMessage(container.name, limit);
  }
  return undefined;
}
