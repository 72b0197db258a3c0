// A range of service addresses wakes when any range changes, since ranges stand in for each other, and when an address goes that might
// have been the last of one that waits to go.
import type { IPAddress, ServiceCIDR } from "@coxswain/api/networking/v1";
import { objectKey } from "@coxswain/apimachinery";
import type { Informer } from "@coxswain/controller";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";

export function serviceCidrWatches(ranges: Informer<ServiceCIDR>, addresses: Informer<IPAddress>): readonly Watch[] {
  const leaving = (): readonly string[] =>
    ranges
      .list()
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(objectKey);
  return [wakeOn(ranges, () => ranges.list().map(objectKey)), wakeOn(addresses, leaving)];
}
