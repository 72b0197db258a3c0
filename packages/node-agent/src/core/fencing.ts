// Which pods must not run on a node that others may think dead, and how this is told. Whoever has asked for it by annotation: a
// pod that may exist only once (a StatefulSet's) can then be replaced without waiting for the node. The other half, removing such
// pods after the time, is the control plane's.
import type { Pod } from "@coxswain/api/core/v1";

export const fencingMarks = {
  /** On a pod, "true": end it here when the lease could not be renewed in time. */
  pod: "coxswain.io/fencing",
  /** On a node: after how many seconds without a renewal its agent does so. */
  afterSeconds: "coxswain.io/fence-after-seconds",
} as const;

/** Whoever removes the pod elsewhere waits for longer than this after the node's time has run out. */
export const fenceGraceSeconds = 2;

export function isFenced(pod: Pod): boolean {
  return pod.metadata.annotations?.[fencingMarks.pod] === "true";
}
