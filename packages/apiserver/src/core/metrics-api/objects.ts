// NodeMetrics and PodMetrics as objects, lists and tables: what metrics-server answers, to the letter where clients read it. Pure.
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339 } from "@coxswain/clock";
import { partialOf } from "../tables/table.ts";
import { metricsGroup, metricsVersion } from "./resources.ts";
import { cpuQuantity, durationText, memoryQuantity } from "./usage.ts";
import type { Usage } from "./usage.ts";

const apiVersion = `${metricsGroup}/${metricsVersion}`;

export interface MetricsObject extends ApiObject {
  readonly kind: "NodeMetrics" | "PodMetrics";
  readonly timestamp: string;
  readonly window: string;
  readonly usage?: { readonly cpu: string; readonly memory: string };
  readonly containers?: readonly {
    readonly name: string;
    readonly usage: { readonly cpu: string; readonly memory: string };
  }[];
}

export function nodeMetrics(node: ApiObject, usage: Usage, nowMs: number): MetricsObject {
  return {
    kind: "NodeMetrics",
    apiVersion,
    metadata: metadataOf(node, nowMs),
    ...timesOf([usage]),
    usage: quantitiesOf(usage),
  };
}

export function podMetrics(pod: ApiObject, usages: ReadonlyMap<string, Usage>, nowMs: number): MetricsObject {
  return {
    kind: "PodMetrics",
    apiVersion,
    metadata: metadataOf(pod, nowMs),
    ...timesOf([...usages.values()]),
    containers: [...usages].map(([name, usage]) => ({ name, usage: quantitiesOf(usage) })),
  };
}

export function metricsList(kind: MetricsObject["kind"], items: readonly MetricsObject[]): object {
  return { kind: `${kind}List`, apiVersion, metadata: {}, items };
}

/** Name, one column for each resource, and the window. */
export function metricsTable(objects: readonly MetricsObject[]): object {
  const description = "Name of the resource";
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: {},
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description, priority: 0 },
      { name: "cpu", type: "string", format: "quantity", description: "", priority: 0 },
      { name: "memory", type: "string", format: "quantity", description: "", priority: 0 },
      { name: "Window", type: "string", format: "duration", description: "", priority: 0 },
    ],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...cellsOf(object), object.window],
      object: partialOf(object),
    })),
  };
}

/** A pod's row says the sum over its containers. */
function cellsOf(object: MetricsObject): readonly string[] {
  if (object.usage) return [object.usage.cpu, object.usage.memory];
  const { containers = [] } = object;
  const sum = (of: "cpu" | "memory"): number =>
    containers.reduce((total, container) => total + numberOf(container.usage[of]), 0);
  return [cpuQuantity(Math.round(sum("cpu") * 1e9)), memoryQuantity(sum("memory"))];
}

/** The quantities written above, read back. */
function numberOf(quantity: string): number {
  const [, digits = "0", unit = ""] = /^(\d+)(.*)$/.exec(quantity) ?? [];
  const factors: Readonly<Record<string, number>> = {
    ...{ n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3 },
    ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
  };
  return Number(digits) * (factors[unit] ?? 1);
}

function metadataOf({ metadata }: ApiObject, nowMs: number): MetricsObject["metadata"] {
  const { name, namespace, labels } = metadata;
  return {
    name,
    ...(namespace ? { namespace } : {}),
    creationTimestamp: rfc3339(nowMs),
    ...(labels ? { labels } : {}),
  };
}

/** Of several containers, the newest moment and its window. */
function timesOf(usages: readonly Usage[]): { readonly timestamp: string; readonly window: string } {
  const newest = usages.reduce((one, other) => (other.timestampMs > one.timestampMs ? other : one));
  return { timestamp: rfc3339(newest.timestampMs), window: durationText(newest.windowMs) };
}

function quantitiesOf({ cpuNanoCores, memoryBytes }: Usage): { readonly cpu: string; readonly memory: string } {
  return { cpu: cpuQuantity(cpuNanoCores), memory: memoryQuantity(memoryBytes) };
}
