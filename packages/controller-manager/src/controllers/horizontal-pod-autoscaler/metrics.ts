// Reads the three metrics APIs as they are on the wire: metrics.k8s.io for CPU and memory, custom.metrics.k8s.io for what objects and
// pods measure themselves, external.metrics.k8s.io for the rest. Whoever serves them; nothing is kept.
import type { CrossVersionObjectReference, MetricIdentifier } from "@coxswain/api/autoscaling/v2";
import { labelSelectorMatcher, quantityMillis } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Client, Query, RawResponse } from "@coxswain/client";
import type { Clock } from "@coxswain/clock";
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
    /** The same in v1beta1. */
    readonly window?: number | null;
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
const customGroup = "custom.metrics.k8s.io";
const customVersions = ["v1beta2", "v1beta1"] as const;
/** Adapters come, go and are replaced: so long is it believed which version one serves. */
const versionBelievedMs = 60_000;

export function createMetricsReader(client: Pick<Client, "request">, clock: Clock): MetricsReader {
  let custom: { readonly version: string; readonly atMs: number } | undefined;

  const failed = (api: string, why: string, cause?: unknown): MetricsError =>
    new MetricsError(`unable to fetch metrics from ${api} metrics API: ${why}`, { cause });
  const ask = async (api: string, path: string, query: Query, signal: AbortSignal): Promise<RawResponse> => {
    try {
      return await client.request({ method: "GET", path, query, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw failed(api, error instanceof Error ? error.message : String(error), error);
    }
  };
  const read = async <T>(api: string, path: string, query: Query, signal: AbortSignal): Promise<T> => {
    const answer = await ask(api, path, query, signal);
    if (answer.status >= 400) throw failed(api, refusal(answer));
    try {
      return answer.json() as T;
    } catch (error) {
      throw failed(api, error instanceof Error ? error.message : String(error), error);
    }
  };
  /** The newest version that is served. Asked for one by one: adapters need not have resources that a list of groups would show. */
  const customVersion = async (signal: AbortSignal): Promise<string> => {
    if (custom !== undefined && clock.monotonic() - custom.atMs < versionBelievedMs) return custom.version;
    custom = undefined;
    let why = `no custom metrics API (${customGroup}) registered`;
    for (const version of customVersions) {
      const answer = await ask("custom", `/apis/${customGroup}/${version}`, {}, signal);
      if (answer.status < 400) custom = { version, atMs: clock.monotonic() };
      else if (answer.status !== 404) why = refusal(answer);
      if (custom !== undefined) return custom.version;
    }
    throw failed("custom", why);
  };
  const readCustom = async (
    namespace: string,
    path: string,
    query: Query,
    signal: AbortSignal,
  ): Promise<NonNullable<MetricValueList["items"]>> => {
    const version = await customVersion(signal);
    const place = `/apis/${customGroup}/${version}${inNamespace(namespace)}${path}`;
    const { items = [] } = await read<MetricValueList>("custom", place, query, signal).catch((error: unknown) => {
      custom = undefined; // perhaps it is another one by now
      throw error;
    });
    if (items.length === 0) throw new MetricsError("no metrics returned from custom metrics API");
    return items;
  };

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
      const items = await readCustom(namespace, `/pods/*/${encodeURIComponent(metric.name)}`, query, signal);
      return new Map(
        items.map(({ describedObject, value, timestamp, windowSeconds, window }) => {
          const seconds = windowSeconds ?? window;
          const windowMs = typeof seconds === "number" ? seconds * 1000 : customWindowMs;
          const sample = { milli: quantityMillis(value), atMs: parseRfc3339(timestamp ?? "") ?? 0, windowMs };
          return [describedObject?.name ?? "", sample];
        }),
      );
    },
    async object({ namespace, resource, object, metric }, signal) {
      const place =
        object.kind === "Namespace" && resource === "namespaces"
          ? "/metrics"
          : `/${resource}/${encodeURIComponent(object.name)}`;
      const query = { metricLabelSelector: textOf(metric.selector) };
      const [first] = await readCustom(namespace, `${place}/${encodeURIComponent(metric.name)}`, query, signal);
      return quantityMillis(first?.value ?? "0");
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
