// Metrics of autoscalers in the form of autoscaling/v1, as its annotations carry them, and in that of v2. The order of members is that of
// Kubernetes' types, since the annotations are text. Nothing is validated: what is wrong in v1's form is wrong in v2's, too.
import type {
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "@coxswain/api/autoscaling/v2";

type Members = Readonly<Record<string, unknown>>;
type Quantity = string;

interface SourceV1 {
  readonly name?: string;
  readonly container?: string;
  readonly target?: unknown;
  readonly metricName?: string;
  readonly selector?: unknown;
  readonly metricSelector?: unknown;
  readonly targetValue?: Quantity;
  readonly averageValue?: Quantity;
  readonly targetAverageValue?: Quantity;
  readonly targetAverageUtilization?: number;
  readonly currentValue?: Quantity;
  readonly currentAverageValue?: Quantity;
  readonly currentAverageUtilization?: number;
}

type Kind = "object" | "pods" | "resource" | "containerResource" | "external";
type MetricV1 = { readonly type: string } & { readonly [kind in Kind]?: SourceV1 };

const kinds: readonly Kind[] = ["object", "pods", "resource", "containerResource", "external"];

/** Each source of a metric, through `change`; there is one as a rule. */
function mapped<T extends object>(metric: object, change: (kind: Kind, source: T) => object): object {
  const parts = metric as Members;
  const changed = kinds.flatMap((kind) => (parts[kind] ? [[kind, change(kind, parts[kind] as T)] as const] : []));
  return { type: parts["type"], ...Object.fromEntries(changed) };
}

/** Members that are there, in the order given. */
const present = (members: Members): Members =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

function named(kind: Kind, source: SourceV1): Members {
  if (kind === "resource" || kind === "containerResource")
    return present({ name: source.name ?? "", container: source.container });
  const selector = kind === "external" ? source.metricSelector : source.selector;
  return present({
    metric: present({ name: source.metricName ?? "", selector }),
    describedObject: source.target,
  });
}

export function metricFromV1(metric: object): MetricSpec {
  return mapped<SourceV1>(metric as MetricV1, (kind, source) => {
    const utilization = source.targetAverageUtilization;
    const average = kind === "object" ? source.averageValue : source.targetAverageValue;
    const whole = kind === "object" ? (source.targetValue ?? "0") : source.targetValue;
    const type =
      utilization !== undefined
        ? "Utilization"
        : kind === "object"
          ? average === undefined
            ? "Value"
            : "AverageValue"
          : whole === undefined
            ? "AverageValue"
            : "Value";
    return {
      ...named(kind, source),
      target: present({ type, value: whole, averageValue: average, averageUtilization: utilization }),
    };
  }) as MetricSpec;
}

export function statusFromV1(metric: object): MetricStatus {
  return mapped<SourceV1>(metric as MetricV1, (kind, source) => {
    const isWhole = kind === "object" || kind === "external";
    const average = kind === "object" ? source.averageValue : source.currentAverageValue;
    return {
      ...named(kind, source),
      current: present({
        value: isWhole ? (source.currentValue ?? "0") : undefined,
        averageValue: isWhole ? average : (average ?? "0"),
        averageUtilization: source.currentAverageUtilization,
      }),
    };
  }) as MetricStatus;
}

interface SourceV2 {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: Partial<MetricIdentifier>;
  readonly describedObject?: unknown;
  readonly target?: Partial<MetricTarget>;
  readonly current?: Partial<MetricValueStatus>;
}

export function metricToV1(metric: MetricSpec): object {
  return mapped<SourceV2>(metric, (kind, { name, container, metric: { name: metricName, selector } = {}, ...rest }) => {
    const { value, averageValue: average, averageUtilization: utilization } = rest.target ?? {};
    switch (kind) {
      case "object":
        return present({
          target: rest.describedObject,
          metricName,
          targetValue: value ?? "0",
          selector,
          averageValue: average,
        });
      case "pods":
        return present({ metricName, targetAverageValue: average ?? "0", selector });
      case "external":
        return present({ metricName, metricSelector: selector, targetValue: value, targetAverageValue: average });
      case "resource":
      case "containerResource":
        return present({
          name,
          targetAverageUtilization: utilization,
          targetAverageValue: average,
          container,
        });
    }
  });
}

export function statusToV1(metric: MetricStatus): object {
  return mapped<SourceV2>(metric, (kind, { name, container, metric: { name: metricName, selector } = {}, ...rest }) => {
    const { value, averageValue: average, averageUtilization: utilization } = rest.current ?? {};
    switch (kind) {
      case "object":
        return present({
          target: rest.describedObject,
          metricName,
          currentValue: value ?? "0",
          selector,
          averageValue: average,
        });
      case "pods":
        return present({ metricName, currentAverageValue: average ?? "0", selector });
      case "external":
        return present({
          metricName,
          metricSelector: selector,
          currentValue: value ?? "0",
          currentAverageValue: average,
        });
      case "resource":
      case "containerResource":
        return present({
          name,
          currentAverageUtilization: utilization,
          currentAverageValue: average ?? "0",
          container,
        });
    }
  });
}
