/** `kubectl get hpa`: what is measured against what is aimed at. */
import { canonicalQuantity, type DeepReadonly } from "@coxswain/apimachinery";
import { ageOf, printer, type TablePrinter } from "../../../table.ts";
import type { HorizontalPodAutoscaler as First, Scale } from "../../v1/types.ts";
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from "../types.ts";

/** What `--subresource=scale` shows. */
export const scaleTable: TablePrinter<Scale> = printer(["Desired#", "Available#", "Age"], (scale, now) => [
  scale.spec?.replicas ?? 0,
  scale.status?.replicas ?? 0,
  ageOf(scale, now),
]);

export const horizontalPodAutoscalerTable: TablePrinter<HorizontalPodAutoscaler> = printer(
  ["Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"],
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
      return `${spec.resource?.name ?? ""}: ${usage(spec.resource?.target, status?.resource?.current)}`;
    case "ContainerResource":
      return `${spec.containerResource?.name ?? ""}: ${usage(spec.containerResource?.target, status?.containerResource?.current)}`;
    case "Pods":
      return `${amount(status?.pods?.current, "averageValue")}/${text(spec.pods?.target.averageValue)}`;
    case "Object":
      return valueOrAverage(spec.object?.target, status?.object?.current);
    case "External":
      return valueOrAverage(spec.external?.target, status?.external?.current);
    default:
      return "<unknown type>";
  }
}

type Aim = DeepReadonly<MetricTarget> | undefined;
type Current = DeepReadonly<MetricValueStatus> | undefined;

const text = (quantity: string | undefined): string => (quantity === undefined ? "<nil>" : canonicalQuantity(quantity));

function amount(current: Current, name: "value" | "averageValue"): string {
  return current === undefined ? "<unknown>" : text(current[name]);
}

function usage(aim: Aim, current: Current): string {
  if (aim?.averageValue !== undefined) return `${amount(current, "averageValue")}/${text(aim.averageValue)}`;
  const now = current?.averageUtilization;
  const wanted = aim?.averageUtilization;
  return `${now === undefined ? "<unknown>" : `${now}%`}/${wanted === undefined ? "<auto>" : `${wanted}%`}`;
}

function valueOrAverage(aim: Aim, current: Current): string {
  if (aim?.averageValue === undefined) return `${amount(current, "value")}/${text(aim?.value)}`;
  const now = current?.averageValue;
  return `${now === undefined ? "<unknown>" : text(now)}/${text(aim.averageValue)} (avg)`;
}

/** The first version's autoscaler knows one metric. */
export const horizontalPodAutoscalerTableV1: TablePrinter<First> = {
  columns: horizontalPodAutoscalerTable.columns,
  cells(autoscaler, now) {
    const { spec, status } = autoscaler;
    const wanted = spec?.targetCPUUtilizationPercentage;
    const used = status?.currentCPUUtilizationPercentage;
    const aim = wanted === undefined ? "<none>" : `cpu: ${used === undefined ? "<unknown>" : `${used}%`}/${wanted}%`;
    const { kind, name } = spec?.scaleTargetRef ?? { kind: "", name: "" };
    return [
      autoscaler.metadata.name,
      `${kind}/${name}`,
      aim,
      String(spec?.minReplicas ?? "<unset>"),
      spec?.maxReplicas ?? 0,
      status?.currentReplicas ?? 0,
      ageOf(autoscaler, now),
    ];
  },
};
