// What the proxy follows of the API: services, their endpoints and its own node, as the view that rules are made of.
import { nodes, services } from "@coxswain/api/core/v1";
import type { Node, Service } from "@coxswain/api/core/v1";
import { endpointSlices } from "@coxswain/api/discovery/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Client } from "@coxswain/client";
import { createInformer } from "@coxswain/controller";
import type { InformerEvent, InformerPorts } from "@coxswain/controller";
import { hasDepartures } from "../core/endpoints.ts";
import { proxyNameLabel } from "../core/service-port.ts";
import type { NodeView, ProxyView } from "../core/service-port.ts";

export interface ServiceWatch {
  run(signal: AbortSignal): Promise<void>;
  whenSynced(signal: AbortSignal): Promise<void>;
  synced(): boolean;
  view(): Omit<ProxyView, "family">;
  /** `changedAtMs`: when the cause of the change happened, where that is known. */
  subscribe(changed: (changedAtMs: number | undefined) => void): void;
  /** The newest revision of endpoints that is in the view, and the newest at which endpoints left. */
  revision(): { readonly newest: number; readonly departed: number };
}

const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export function createServiceWatch(client: Client, nodeName: string, ports: InformerPorts): ServiceWatch {
  const ours = `!${proxyNameLabel}`;
  const transform = withoutManagedFields;
  const followed = createInformer<Service>(client.resource(services), { labelSelector: ours, transform }, ports);
  const slices = createInformer<EndpointSlice>(
    client.resource(endpointSlices),
    { labelSelector: `${ours},!service.kubernetes.io/headless`, transform },
    ports,
  );
  const own = createInformer<Node>(
    client.resource(nodes),
    { fieldSelector: `metadata.name=${nodeName}`, transform: withoutStatusNoise },
    ports,
  );
  const all = [followed, slices, own];
  let newest = 0;
  let departed = 0;
  slices.subscribe((event) => {
    const revision = Number(event.object.metadata.resourceVersion ?? 0);
    newest = Math.max(newest, revision);
    if (isDeparture(event)) departed = Math.max(departed, revision);
  });
  return {
    run: async (signal) => void (await Promise.allSettled(all.map((informer) => informer.run(signal)))),
    whenSynced: async (signal) => void (await Promise.all(all.map((informer) => informer.whenSynced(signal)))),
    synced: () => all.every((informer) => informer.synced()),
    view: () => ({
      services: followed.list(),
      endpointSlices: slices.list(),
      node: nodeView(nodeName, own.list()[0]),
    }),
    subscribe(changed) {
      followed.subscribe((event) => (isRelevant(event) ? changed(undefined) : undefined));
      slices.subscribe((event) => {
        if (isRelevant(event) || isDeparture(event)) changed(triggerTime(event.object));
      });
      own.subscribe((event) => (isRelevant(event) ? changed(undefined) : undefined));
    },
    revision: () => ({ newest, departed }),
  };
}

function nodeView(nodeName: string, node: DeepReadonly<Node> | undefined): NodeView {
  return {
    nodeName,
    zone: node?.metadata?.labels?.["topology.kubernetes.io/zone"],
    addresses: (node?.status?.addresses ?? [])
      .filter(({ type }) => type === "InternalIP" || type === "ExternalIP")
      .map(({ address }) => address),
  };
}

function isDeparture(event: InformerEvent<EndpointSlice>): boolean {
  if (event.type === "deleted") return true;
  return hasDepartures(event.type === "updated" ? event.old : undefined, event.object);
}

/** An update that leaves spec, status, labels and endpoints as they were needs no look at the rules. */
function isRelevant(event: InformerEvent<Service> | InformerEvent<EndpointSlice> | InformerEvent<Node>): boolean {
  if (event.type !== "updated") return true;
  const { metadata: before, ...old } = event.old;
  const { metadata: after, ...object } = event.object;
  return JSON.stringify([before?.labels, old]) !== JSON.stringify([after?.labels, object]);
}

function triggerTime(slice: {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined };
}): number | undefined {
  const at = Date.parse(slice.metadata.annotations?.[triggerAnnotation] ?? "");
  return Number.isNaN(at) ? undefined : at;
}

function withoutManagedFields<T extends { metadata: { managedFields?: unknown } }>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

/** Of the node only its labels and addresses count; its conditions and images change all the time. */
function withoutStatusNoise(node: Node): Node {
  const { apiVersion, kind, metadata, status } = node;
  const { managedFields: _managedFields, annotations: _annotations, ...kept } = metadata ?? {};
  return { apiVersion, kind, metadata: kept, status: { addresses: status?.addresses ?? [] } };
}
