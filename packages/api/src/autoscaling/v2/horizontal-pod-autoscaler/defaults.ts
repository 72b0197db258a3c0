/** Defaults of autoscalers: how many at least, by which measure, how fast. */
import type { HorizontalPodAutoscaler, HPAScalingRules } from "../types.ts";
import { fill } from "../../../fill.ts";

export function defaultHorizontalPodAutoscaler(autoscaler: HorizontalPodAutoscaler): void {
  const { spec } = autoscaler;
  if (spec === undefined) return;
  fill(spec, { minReplicas: 1 });
  if ((spec.metrics ?? []).length === 0) {
    spec.metrics = [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
    ];
  }
  if (spec.behavior === undefined) return;
  spec.behavior.scaleUp ??= {};
  spec.behavior.scaleDown ??= {};
  fill(spec.behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  } satisfies HPAScalingRules);
  fill(spec.behavior.scaleDown, {
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  });
}
