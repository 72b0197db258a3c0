// What one metric of an autoscaler says: reads it, counts, and puts it into the words of status, conditions and events. The counting is
// in replicas.ts; sentences and reasons are Kubernetes'.
import type { MetricIdentifier, MetricSpec, MetricStatus, MetricTarget } from "@coxswain/api/autoscaling/v2";
import { formatQuantity, quantityMillis } from "@coxswain/apimachinery";
import type { DeepReadonly, Quantity } from "@coxswain/apimachinery";
import { MetricsError } from "./metrics.ts";
import type { MetricsReader } from "./metrics.ts";
import { replicasForAverage, replicasForShare, replicasForTotal, replicasForUtilization } from "./replicas.ts";
import type { Count, Population, Wrong } from "./replicas.ts";

export interface Proposal {
  readonly replicas: number;
  /** "cpu resource utilization (percentage of request)". */
  readonly name: string;
  readonly status: MetricStatus;
}

export interface Failure {
  readonly reason: string;
  /** For the condition and the event about this metric. */
  readonly message: string;
  /** For the sentence about all metrics. */
  readonly summary: string;
}

export interface ProposalContext {
  readonly namespace: string;
  /** The target's pods, as text and as they are. */
  readonly selector: string;
  readonly population: Population;
  readonly statusReplicas: number;
  readonly metrics: MetricsReader;
  /** The resource ("services", "ingresses.networking.k8s.io") that a described object belongs to. */
  readonly resourceOf: (object: { readonly kind: string; readonly apiVersion?: string | undefined }) => Promise<string>;
}

type Spec = DeepReadonly<MetricSpec>;

export async function propose(spec: Spec, context: ProposalContext, signal: AbortSignal): Promise<Proposal | Failure> {
  switch (spec.type) {
    case "Resource":
    case "ContainerResource":
      return proposeForResource(spec, context, signal);
    case "Pods":
      return proposeForPods(spec, context, signal);
    case "Object":
      return proposeForObject(spec, context, signal);
    case "External":
      return proposeForExternal(spec, context, signal);
    default: {
      const message = `unknown metric source type ${JSON.stringify(spec.type)}`;
      return { reason: "InvalidMetricSourceType", message, summary: message };
    }
  }
}

async function proposeForResource(spec: Spec, context: ProposalContext, signal: AbortSignal) {
  const { containerResource, resource } = spec;
  const source = containerResource ?? resource;
  if (source === undefined) return absent(spec.type);
  const { name, target } = source;
  const container = containerResource?.container;
  const kind = container === undefined ? "resource" : "container resource";
  const failed = (what: string): Failure => ({
    reason: container === undefined ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric",
    message: what,
    summary: `failed to get ${name} ${container === undefined ? "resource" : "container"} metric value: ${what}`,
  });
  if (target.averageValue === undefined && target.averageUtilization === undefined)
    return failed(
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set",
    );
  const { averageValue, averageUtilization = 0 } = target;
  const measure = averageValue === undefined ? "utilization" : "usage";
  const samples = await orWrong(
    context.metrics.resource({ ...context, resource: name, ...(container === undefined ? {} : { container }) }, signal),
  );
  if ("wrong" in samples)
    return failed(`failed to get ${name} ${measure}: unable to get metrics for resource ${name}: ${samples.wrong}`);
  const count =
    averageValue === undefined
      ? replicasForUtilization(context.population, samples, name, averageUtilization, container)
      : replicasForAverage(context.population, samples, name, quantityMillis(averageValue));
  if ("wrong" in count) return failed(`failed to get ${name} ${measure}: ${count.wrong}`);
  const current = {
    ...(count.utilization === undefined ? {} : { averageUtilization: count.utilization }),
    averageValue: milliText(count.averageMilli),
  };
  const what = averageValue === undefined ? `${name} ${kind} utilization (percentage of request)` : `${name} ${kind}`;
  const status: MetricStatus =
    container === undefined
      ? { type: "Resource", resource: { name, current } }
      : { type: "ContainerResource", containerResource: { name, container, current } };
  return { replicas: count.replicas, name: what, status };
}

async function proposeForPods(spec: Spec, context: ProposalContext, signal: AbortSignal) {
  if (spec.pods === undefined) return absent(spec.type);
  const { metric, target } = spec.pods;
  const failed = (what: string): Failure => ({
    reason: "FailedGetPodsMetric",
    message: what,
    summary: `failed to get pods metric value: ${what}`,
  });
  const samples = await orWrong(context.metrics.pods({ ...context, metric }, signal));
  if ("wrong" in samples) return failed(`unable to get metric ${metric.name}: ${samples.wrong}`);
  const count = replicasForAverage(context.population, samples, "", quantityMillis(target.averageValue ?? "0"));
  if ("wrong" in count) return failed(count.wrong);
  const current = { averageValue: milliText(count.averageMilli) };
  const status: MetricStatus = { type: "Pods", pods: { metric: identifierOf(metric), current } };
  return { replicas: count.replicas, name: `pods metric ${metric.name}`, status };
}

async function proposeForObject(spec: Spec, context: ProposalContext, signal: AbortSignal) {
  if (spec.object === undefined) return absent(spec.type);
  const { metric, target, describedObject: object } = spec.object;
  const { namespace } = context;
  const failed = (what: string): Failure => ({
    reason: "FailedGetObjectMetric",
    message: what,
    summary: `failed to get object metric value: ${what}`,
  });
  const asking = async (): Promise<number> =>
    context.metrics.object({ namespace, object, metric, resource: await context.resourceOf(object) }, signal);
  const value = await orWrong(asking());
  if (typeof value !== "number")
    return failed(`unable to get metric ${metric.name}: ${value.wrong} on ${object.kind} ${namespace}/${object.name}`);
  const count = countWhole(value, target, context);
  if (count === undefined)
    return failed("invalid object metric source: neither a value target nor an average value target was set");
  if ("wrong" in count) return failed(count.wrong);
  const status: MetricStatus = {
    type: "Object",
    object: { metric: identifierOf(metric), current: currentOf(value, target, count), describedObject: { ...object } },
  };
  const name = target.type === "Value" ? `${object.kind} metric ${metric.name}` : externalName(metric);
  return { replicas: count.replicas, name, status };
}

async function proposeForExternal(spec: Spec, context: ProposalContext, signal: AbortSignal) {
  if (spec.external === undefined) return absent(spec.type);
  const { metric, target } = spec.external;
  const { namespace } = context;
  const failed = (what: string): Failure => ({
    reason: "FailedGetExternalMetric",
    message: what,
    summary: `failed to get ${metric.name} external metric value: failed to get ${metric.name} external metric: ${what}`,
  });
  const value = await orWrong(context.metrics.external({ namespace, metric }, signal));
  if (typeof value !== "number") {
    return failed(
      `unable to get external metric ${namespace}/${metric.name}/${selectorText(metric.selector)}: ${value.wrong}`,
    );
  }
  const count = countWhole(value, target, context);
  if (count === undefined)
    return failed("invalid external metric source: neither a value target nor an average value target was set");
  if ("wrong" in count) return failed(count.wrong);
  const status: MetricStatus = {
    type: "External",
    external: { metric: identifierOf(metric), current: currentOf(value, target, count) },
  };
  return { replicas: count.replicas, name: externalName(metric), status };
}

/** One value for all pods together, against a target for each or for all. */
function countWhole(
  value: number,
  target: DeepReadonly<MetricTarget>,
  { population, statusReplicas }: ProposalContext,
): Count | Wrong | undefined {
  if (target.averageValue !== undefined)
    return replicasForShare(value, quantityMillis(target.averageValue), statusReplicas, population.tolerance);
  if (target.value === undefined) return undefined;
  const replicas = replicasForTotal(population, value, quantityMillis(target.value));
  return typeof replicas === "number" ? { replicas, averageMilli: value } : replicas;
}

const currentOf = (value: number, target: DeepReadonly<MetricTarget>, count: Count) =>
  target.averageValue === undefined ? { value: milliText(value) } : { averageValue: milliText(count.averageMilli) };

const milliText = (milli: number): Quantity =>
  formatQuantity({ nano: BigInt(Math.trunc(milli)) * 1_000_000n, format: "DecimalSI" });

const identifierOf = ({ name, selector }: DeepReadonly<MetricIdentifier>): MetricIdentifier =>
  selector === undefined ? { name } : { name, selector: structuredClone(selector) as MetricIdentifier["selector"] };

const externalName = (metric: DeepReadonly<MetricIdentifier>): string =>
  `external metric ${metric.name}(${selectorText(metric.selector)})`;

/** As Go prints a pointer to a LabelSelector, since people grep for it. */
function selectorText(selector: DeepReadonly<MetricIdentifier>["selector"]): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(" ")}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

/** Validation lets no such object through; another API server's might. */
const absent = (type: string): Failure => {
  const message = `the ${type} metric source has nothing to say what is measured`;
  return { reason: "InvalidMetricSourceType", message, summary: message };
};

async function orWrong<T>(asking: Promise<T>): Promise<T | Wrong> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof MetricsError) return { wrong: error.message };
    throw error;
  }
}
