// The labels of a service's slices: the service's own, so that who passes a service over passes its slices over, and whose they are.
import { isHeadless } from "../../services/endpoints-of.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";

export const managerLabel = "endpointslice.kubernetes.io/managed-by";
export const managerName = "endpointslice-controller.k8s.io";
export const serviceLabel = "kubernetes.io/service-name";

export function labelsOfSlices(service: ReadonlyService): Readonly<Record<string, string>> {
  return {
    ...service.metadata.labels,
    [managerLabel]: managerName,
    [serviceLabel]: service.metadata.name,
    ...(isHeadless(service) ? { "service.kubernetes.io/headless": "" } : {}),
  };
}
