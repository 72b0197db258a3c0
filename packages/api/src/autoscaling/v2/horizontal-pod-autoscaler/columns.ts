/** `kubectl get hpa`: what is measured against what is aimed at. */
import type { DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../../table.ts";
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "../types.ts";

export const horizontalPodAutoscalerTable: TablePrinter<HorizontalPodAutoscaler> = printer(
  ["Reference", "Targets", "MinPods", "MaxPods#", "Replicas#", "Age"],
  (autoscaler, now) => {
    const { spec, status } = autoscaler;
    return [
      spec === undefined ? "" : `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
      targets(spec?.metrics ?? [], status?.currentMetrics ?? []),
      String(spec?.minReplicas ?? "<unset>"),
      spec?.maxReplicas ?? 0,
      status?.currentReplicas ?? 0,
      ageOf(autoscaler, now),
    ];
  },
);

function targets(specs: readonly DeepReadonly<MetricSpec>[], statuses: readonly DeepReadonly<MetricStatus>[]): string {
  if (specs.length === 0) return "<none>";
  const shown = specs.slice(0, 2).map((spec, index) => target(spec, statuses[index]));
  return specs.length > 2 ? `${shown.join(", ")} + ${specs.length - 2} more...` : shown.join(", ");
}

function target(spec: DeepReadonly<MetricSpec>, status: DeepReadonly<MetricStatus> | undefined): string {
  switch (spec.type) {
    case "Resource":
      return `${spec.resource?.name ?? ""}: ${compare(spec.resource?.target, status?.resource?.current)}`;
    case "ContainerResource":
      return `${spec.containerResource?.name ?? ""}: ${compare(spec.containerResource?.target, status?.containerResource?.current)}`;
    case "Pods":
      return compare(spec.pods?.target, status?.pods?.current);
    case "Object":
      return compare(spec.object?.target, status?.object?.current);
    case "External":
      return compare(spec.external?.target, status?.external?.current);
    default:
      return "<unknown type>";
  }
}

function compare(
  aim: DeepReadonly<MetricTarget> | undefined,
  current: DeepReadonly<MetricValueStatus> | undefined,
): string {
  if (aim?.averageValue !== undefined)
    return `${current?.averageValue ?? "<unknown>"}/${aim.averageValue}${aim.type === "AverageValue" ? " (avg)" : ""}`;
  if (aim?.averageUtilization !== undefined) {
    return `${current?.averageUtilization === undefined ? "<unknown>" : `${current.averageUtilization}%`}/${aim.averageUtilization}%`;
  }
  return `${current?.value ?? "<unknown>"}/${aim?.value ?? "<auto>"}`;
}
