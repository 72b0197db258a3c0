// Resources that are served in several versions and stored in one. Each pair of functions is in the folder of its kind.
import type { ApiObject } from "@coxswain/apimachinery";
import { eventFromStored, eventToStored } from "./events/event/conversion.ts";
import { autoscalerFromStored, autoscalerToStored } from "./autoscaling/horizontal-pod-autoscaler/conversion.ts";

export interface Conversion {
  readonly stored: { readonly group: string; readonly version: string; readonly resource: string };
  /** From the served version to the stored one; the object is the caller's own and may be changed. */
  readonly toStored: (object: ApiObject) => ApiObject;
  readonly fromStored: (object: ApiObject) => ApiObject;
  /** Another program converts: the two functions leave objects as they are, and this one is awaited instead. Throws StatusError. */
  readonly remote?: (objects: readonly ApiObject[], apiVersion: string) => Promise<readonly ApiObject[]>;
}

const conversions: Readonly<Record<string, Conversion>> = {
  "events.k8s.io/v1/events": {
    stored: { group: "", version: "v1", resource: "events" },
    toStored: eventToStored,
    fromStored: eventFromStored,
  },
  "autoscaling/v1/horizontalpodautoscalers": {
    stored: { group: "autoscaling", version: "v2", resource: "horizontalpodautoscalers" },
    toStored: autoscalerToStored,
    fromStored: autoscalerFromStored,
  },
};

export function conversionOf(group: string, version: string, resource: string): Conversion | undefined {
  return conversions[`${group}/${version}/${resource}`];
}
