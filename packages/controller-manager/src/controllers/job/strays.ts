// Pods that still have a Job's finalizer although no Job counts them: it has let them go, or has gone itself. They have keys of their own.
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly, OwnerReference } from "@coxswain/apimachinery";
import type { ReadonlyPod } from "../../pods/state.ts";
import { hasFinalizer } from "./view.ts";

/** Not a part of any name. */
const prefix = "stray:";

export const strayKey = (pod: ReadonlyPod): string => prefix + objectKey(pod);
export const isStrayKey = (key: string): boolean => key.startsWith(prefix);
/** The key of the pod itself. */
export const podOf = (key: string): string => key.slice(prefix.length);

export function jobOwning({ metadata }: ReadonlyPod): DeepReadonly<OwnerReference> | undefined {
  return metadata.ownerReferences?.find(({ controller, kind }) => controller === true && kind === "Job");
}

/** Worth a look: one that goes, or that no Job owns. */
export function mayBeStray(pod: ReadonlyPod): boolean {
  return hasFinalizer(pod) && (jobOwning(pod) === undefined || pod.metadata.deletionTimestamp !== undefined);
}
