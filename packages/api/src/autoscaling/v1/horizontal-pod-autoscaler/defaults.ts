/** Defaults of autoscalers in their first version. */
import type { HorizontalPodAutoscaler } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultHorizontalPodAutoscalerV1(autoscaler: HorizontalPodAutoscaler): void {
  if (autoscaler.spec !== undefined) fill(autoscaler.spec, { minReplicas: 1 });
}
