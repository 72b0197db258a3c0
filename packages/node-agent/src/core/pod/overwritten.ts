// Whether somebody else has changed what only the node may say of a pod: the controllers take readiness from the pods of a node that they do not
// hear of, and nobody but the node gives it back. The kubelet reconciles likewise (`needsReconcile` of its status manager).
import type { PodStatus } from "@coxswain/api/core/v1";

export const ownConditions: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodResizePending",
  "PodResizeInProgress",
]);

/** True when the API's conditions of ours are not as they were written. What is over stays as it is. */
export function isOverwritten(api: PodStatus | undefined, own: PodStatus): boolean {
  if (api?.phase === "Failed" || api?.phase === "Succeeded") return false;
  return text(api) !== text(own);
}

function text(status: PodStatus | undefined): string {
  return (status?.conditions ?? [])
    .filter(({ type }) => ownConditions.has(type))
    .map(({ type, status: is }) => `${type}=${is}`)
    .sort()
    .join(" ");
}
