/** Defaults of storage classes. */
import type { StorageClass } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultStorageClass(storageClass: StorageClass): void {
  fill(storageClass, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
}
