// The metrics API (`metrics.k8s.io/v1beta1`), built in: what `kubectl top` and the horizontal autoscaler ask for. Answers what
// metrics-server would, from what node agents tell. A registered APIService of the group goes before it.
import type { Node } from "@coxswain/api/core/v1";
import { StatusError, parseFieldSelector, parseLabelSelector, SelectorError, statuses } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import { metricsList, metricsTable, nodeMetrics, podMetrics } from "../../core/metrics-api/objects.ts";
import type { MetricsObject } from "../../core/metrics-api/objects.ts";
import { metricsGroup, metricsResources, metricsVersion } from "../../core/metrics-api/resources.ts";
import { nodeUsage, podUsage } from "../../core/metrics-api/usage.ts";
import type { History } from "../../core/metrics-api/usage.ts";
import type { ObjectReader, RequestInfo } from "../../core/request.ts";
import { partialListOf, partialOf } from "../../core/tables/table.ts";
import { readAccept } from "../../core/tables/accept.ts";
import type { AgentTls } from "../node-tunnel/agent.ts";
import { createScraper } from "./scraper.ts";

const onlyTexts = { transforms: true, protobuf: () => false };

export interface MetricsApi extends Component {
  /** Whether the path is this API's. */
  serves(info: RequestInfo): boolean;
  /** The answer as JSON text; throws a StatusError. */
  answer(info: RequestInfo, request: MetricsRequest): Promise<string>;
}

export interface MetricsRequest {
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  readonly signal: AbortSignal;
}

export function createMetricsApi(ports: {
  readonly reader: ObjectReader;
  readonly tls: () => AgentTls;
  readonly clock: Clock;
  readonly log: Logger;
}): MetricsApi {
  const { clock, reader } = ports;
  const view = async (resource: "nodes" | "pods", namespace?: string): Promise<readonly ApiObject[]> => {
    const found = reader.view({ group: "", resource });
    await found.whenSynced();
    return [...found.list(namespace)];
  };
  const scraper = createScraper({ ...ports, nodes: async () => (await view("nodes")) as readonly Node[] });
  const aborter = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const metricsOf = (resource: string, object: ApiObject, histories: ReadonlyMap<string, History>) => {
    const { name, namespace = "" } = object.metadata;
    if (resource === "nodes") {
      const usage = nodeUsage(histories.get(name) ?? []);
      return usage && nodeMetrics(object, usage, clock.now());
    }
    const usages = podUsage(histories.get(nodeNameOf(object)) ?? [], `${namespace}/${name}`);
    return usages && podMetrics(object, usages, clock.now());
  };

  const get = async ({ resource, namespace, name }: RequestInfo, signal: AbortSignal): Promise<MetricsObject> => {
    const [object] = (await view(resource as "nodes" | "pods", resource === "pods" ? namespace : undefined)).filter(
      (candidate) => candidate.metadata.name === name,
    );
    const metrics = object && metricsOf(resource, object, await scraper.histories(signal));
    if (metrics) return metrics;
    const kind = resource === "nodes" ? "nodemetrics" : "podmetrics";
    const called = resource === "nodes" ? name : `${namespace}/${name}`;
    throw new StatusError(statuses.notFound({ group: metricsGroup, resource: kind }, called));
  };

  const list = async (info: RequestInfo, { query, signal }: MetricsRequest): Promise<readonly MetricsObject[]> => {
    const selects = selectorOf(query);
    const objects = await view(info.resource as "nodes" | "pods", info.namespace === "" ? undefined : info.namespace);
    const histories = await scraper.histories(signal);
    return objects
      .filter(selects)
      .flatMap((object) => metricsOf(info.resource, object, histories) ?? [])
      .toSorted(
        (a, b) => compare(a.metadata.namespace, b.metadata.namespace) || compare(a.metadata.name, b.metadata.name),
      );
  };

  return {
    serves: (info) => info.isResourceRequest && info.apiGroup === metricsGroup && info.apiVersion === metricsVersion,
    async answer(info, request) {
      const resource = metricsResources.find((candidate) => candidate.resource === info.resource);
      const isMisplaced = resource?.namespaced ? info.name !== "" && info.namespace === "" : info.namespace !== "";
      if (!resource || info.subresource !== "" || isMisplaced) throw new StatusError(statuses.pathNotFound());
      if (info.verb !== "get" && info.verb !== "list") throw new StatusError(statuses.methodNotAllowed());
      const { as } = readAccept(request.header("accept"), request.query, request.header("user-agent") ?? "", onlyTexts);
      if (info.verb === "get") {
        const metrics = await get(info, request.signal);
        return JSON.stringify(
          as === "table" ? metricsTable([metrics]) : as === "partial" ? partialOf(metrics) : metrics,
        );
      }
      const all = await list(info, request);
      if (as === "table") return JSON.stringify(metricsTable(all));
      if (as === "partial") return JSON.stringify(partialListOf(all, {}));
      return JSON.stringify(metricsList(resource.kind as MetricsObject["kind"], all));
    },
    async start() {
      running = scraper.run(aborter.signal);
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      await running;
    },
  };
}

function selectorOf(query: URLSearchParams): (object: ApiObject) => boolean {
  try {
    const labels = parseLabelSelector(query.get("labelSelector") ?? "");
    const fields = parseFieldSelector(query.get("fieldSelector") ?? "");
    return ({ metadata }) =>
      labels.matches(metadata.labels) &&
      fields.matches({ "metadata.name": metadata.name, "metadata.namespace": metadata.namespace ?? "" });
  } catch (error) {
    if (error instanceof SelectorError) throw new StatusError(statuses.badRequest(error.message), { cause: error });
    throw error;
  }
}

function nodeNameOf(pod: ApiObject & { readonly spec?: { readonly nodeName?: string } }): string {
  return pod.spec?.nodeName ?? "";
}

function compare(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
