// Reads the three metrics APIs as they are on the wire: metrics.k8s.io for CPU and memory, custom.metrics.k8s.io for what objects and
// pods measure themselves, external.metrics.k8s.io for the rest. Whoever serves them; nothing is kept.
import type { CrossVersionObjectReference, MetricIdentifier } from "@coxswain/api/autoscaling/v2";
import { labelSelectorMatcher, quantityMillis } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Client, Query, RawResponse } from "@coxswain/client";
import { parseRfc3339 } from "@coxswain/clock";
import { parseDuration } from "@coxswain/daemon";
import type { Sample } from "./replicas.ts";

interface PodMetricsList {
  readonly items?: readonly {
    readonly metadata: { readonly name: string };
    readonly timestamp?: string;
    readonly window?: string;
    readonly containers?: readonly { readonly name: string; readonly usage?: Readonly<Record<string, string>> }[];
  }[];
}

interface MetricValueList {
  readonly items?: readonly {
    readonly describedObject?: { readonly name?: string };
    readonly timestamp?: string;
    readonly windowSeconds?: number | null;
    readonly value: string;
  }[];
}

type Selector = MetricIdentifier["selector"];

export interface MetricsReader {
  /** What each pod, or one container of each, uses of a resource. A pod of which something is not known yet is left out. */
  resource(
    query: {
      readonly namespace: string;
      readonly selector: string;
      readonly resource: string;
      readonly container?: string;
    },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Sample>>;
  pods(
    query: { readonly namespace: string; readonly selector: string; readonly metric: DeepReadonly<MetricIdentifier> },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Sample>>;
  object(
    query: {
      readonly namespace: string;
      readonly resource: string;
      readonly object: DeepReadonly<CrossVersionObjectReference>;
      readonly metric: DeepReadonly<MetricIdentifier>;
    },
    signal: AbortSignal,
  ): Promise<number>;
  /** The sum of all values of that name, in thousandths. */
  external(
    query: { readonly namespace: string; readonly metric: DeepReadonly<MetricIdentifier> },
    signal: AbortSignal,
  ): Promise<number>;
}

/** What is told when a metrics API cannot be asked; its message is part of a condition. */
export class MetricsError extends Error {
  override readonly name = "MetricsError";
}

/** A custom metric that names no window speaks of so long a time. */
const customWindowMs = 60_000;

export function createMetricsReader(client: Pick<Client, "request">): MetricsReader {
  const read = async <T>(api: string, path: string, query: Query, signal: AbortSignal): Promise<T> => {
    try {
      const answer = await client.request({ method: "GET", path, query, signal });
      if (answer.status >= 400) throw new MetricsError(refusal(answer));
      return answer.json() as T;
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      throw new MetricsError(`unable to fetch metrics from ${api} metrics API: ${message}`, { cause: error });
    }
  };
  const custom = (namespace: string, path: string, query: Query, signal: AbortSignal): Promise<MetricValueList> =>
    read("custom", `/apis/custom.metrics.k8s.io/v1beta2${inNamespace(namespace)}${path}`, query, signal);

  return {
    async resource({ namespace, selector, resource, container }, signal) {
      const path = `/apis/metrics.k8s.io/v1beta1${inNamespace(namespace)}/pods`;
      const list = await read<PodMetricsList>("resource", path, { labelSelector: selector }, signal);
      const items = list.items ?? [];
      if (items.length === 0) throw new MetricsError("no metrics returned from resource metrics API");
      const samples = new Map<string, Sample>();
      for (const pod of items) {
        const used = (pod.containers ?? []).filter(({ name }) => container === undefined || name === container);
        if (container !== undefined && used.length === 0)
          throw new MetricsError(
            `container ${container} not present in metrics for pod ${namespace}/${pod.metadata.name}`,
          );
        const amounts = used.map(({ usage }) => usage?.[resource]);
        if (amounts.some((amount) => amount === undefined)) continue;
        samples.set(pod.metadata.name, {
          milli: amounts.reduce((total, amount) => total + quantityMillis(amount ?? "0"), 0),
          atMs: parseRfc3339(pod.timestamp ?? "") ?? 0,
          windowMs: parseDuration(pod.window ?? "") ?? 0,
        });
      }
      return samples;
    },
    async pods({ namespace, selector, metric }, signal) {
      const query = { labelSelector: selector, metricLabelSelector: textOf(metric.selector) };
      const { items = [] } = await custom(namespace, `/pods/*/${encodeURIComponent(metric.name)}`, query, signal);
      if (items.length === 0) throw new MetricsError("no metrics returned from custom metrics API");
      return new Map(
        items.map((item) => [
          item.describedObject?.name ?? "",
          {
            milli: quantityMillis(item.value),
            atMs: parseRfc3339(item.timestamp ?? "") ?? 0,
            windowMs: typeof item.windowSeconds === "number" ? item.windowSeconds * 1000 : customWindowMs,
          },
        ]),
      );
    },
    async object({ namespace, resource, object, metric }, signal) {
      const place =
        object.kind === "Namespace" && resource === "namespaces"
          ? "/metrics"
          : `/${resource}/${encodeURIComponent(object.name)}`;
      const query = { metricLabelSelector: textOf(metric.selector) };
      const list = await custom(namespace, `${place}/${encodeURIComponent(metric.name)}`, query, signal);
      const [value] = list.items ?? [];
      if (value === undefined) throw new MetricsError("no metrics returned from custom metrics API");
      return quantityMillis(value.value);
    },
    async external({ namespace, metric }, signal) {
      const path = `/apis/external.metrics.k8s.io/v1beta1${inNamespace(namespace)}/${encodeURIComponent(metric.name)}`;
      const list = await read<MetricValueList>("external", path, { labelSelector: textOf(metric.selector) }, signal);
      const items = list.items ?? [];
      if (items.length === 0) throw new MetricsError("no metrics returned from external metrics API");
      return items.reduce((total, { value }) => total + quantityMillis(value), 0);
    },
  };
}

const inNamespace = (namespace: string): string => `/namespaces/${encodeURIComponent(namespace)}`;
const textOf = (selector: DeepReadonly<Selector>): string | undefined =>
  selector === undefined ? undefined : labelSelectorMatcher(selector).toString();

/** What the server said instead of an answer: a Status, or whatever stands in front of it. */
function refusal(answer: RawResponse): string {
  const text = answer.text();
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === "string") return message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error; // a proxy's page is quoted below
  }
  return `${answer.status} ${text.slice(0, 200).trim()}`;
}
