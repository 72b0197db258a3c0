/** Defaults of CSI drivers. */
import type { CSIDriver } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultCsiDriver(driver: CSIDriver): void {
  fill(driver.spec, {
    attachRequired: true,
    podInfoOnMount: false,
    storageCapacity: false,
    fsGroupPolicy: "ReadWriteOnceWithFSType",
    requiresRepublish: false,
    seLinuxMount: false,
  });
  if ((driver.spec.volumeLifecycleModes ?? []).length === 0) driver.spec.volumeLifecycleModes = ["Persistent"];
}
