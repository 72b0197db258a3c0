// A Service wakes when it changes, when a pod comes to be, or ceases to be, one of its endpoints, and when somebody touches its slices.
import { objectKey } from "@coxswain/apimachinery";
import type { SharedInformers } from "../../loop/informers.ts";
import { wakeOn } from "../../loop/controller.ts";
import type { Watch } from "../../loop/controller.ts";
import { servicesOf } from "../../services/endpoints-of.ts";
import { managerLabel, managerName, serviceLabel } from "./labels.ts";

export function endpointSliceWatches(informers: SharedInformers): readonly Watch[] {
  return [
    wakeOn(informers.services(), (service) => [objectKey(service)]),
    wakeOn(informers.pods(), servicesOf(informers.services())),
    wakeOn(informers.endpointSlices(), (slice) => {
      const service =
        slice.metadata.labels?.[managerLabel] === managerName ? slice.metadata.labels[serviceLabel] : undefined;
      return service === undefined ? [] : [`${slice.metadata.namespace}/${service}`];
    }),
    wakeOn(informers.nodes(), () => []),
  ];
}
