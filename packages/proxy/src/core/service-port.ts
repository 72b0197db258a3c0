// One service port as the rules need it: where it is reached and which backends stand behind it. Built from a Service
// and its EndpointSlices for one family of addresses; decides which services are ours. Knows nothing of chains.
import type { Service as MutableService } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalAddress, canonicalRange, isOf, isWithin } from "./address.ts";
import type { Family } from "./address.ts";
import { candidatesOf, chooseBackends } from "./endpoints.ts";
import type { Backend, EndpointSlice, Place } from "./endpoints.ts";

export type Service = DeepReadonly<MutableService>;

export interface ServicePort {
  /** "namespace/name:port", without ":port" when the port has no name; as kube-proxy writes it in comments. */
  readonly id: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly clusterIp: string;
  readonly port: number;
  readonly nodePort: number | undefined;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** Empty: everybody may use the load balancer's addresses. */
  readonly loadBalancerSourceRanges: readonly string[];
  /** The node is within those ranges: what it sends with the balancer's own address as its source is let through. */
  readonly nodeMayUseLoadBalancer: boolean;
  /** Seconds a client sticks to its backend; undefined without session affinity. */
  readonly affinitySeconds: number | undefined;
  readonly internalPolicy: TrafficPolicy;
  readonly externalPolicy: TrafficPolicy;
  /** Backends for policy Cluster, then those on this node for policy Local; sorted, without doubles. */
  readonly backends: readonly Backend[];
  readonly localBackends: readonly Backend[];
  /** Where outside load balancers ask whether this node has endpoints of the service. */
  readonly healthCheck: HealthCheck | undefined;
}

export interface HealthCheck {
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

export type TrafficPolicy = "Cluster" | "Local";

/** The machine that the rules are for. */
export interface NodeView extends Place {
  readonly addresses: readonly string[];
}

export interface ProxyView {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly node: NodeView;
  readonly family: Family;
}

export const serviceNameLabel = "kubernetes.io/service-name";
export const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
const defaultAffinitySeconds = 10_800;

/** Gives all service ports that this proxy serves, sorted by id. What has not changed is the same object as before. */
export function createServicePorts(): (view: ProxyView) => readonly ServicePort[] {
  const before = new Map<Service, { slices: readonly EndpointSlice[]; ports: readonly ServicePort[] }>();
  let node: NodeView | undefined;
  return (view) => {
    if (JSON.stringify(node) !== JSON.stringify(view.node)) before.clear();
    node = view.node;
    const slices = slicesByService(view.endpointSlices);
    const seen = new Set<Service>();
    const found = view.services.filter(isServed).flatMap((service) => {
      seen.add(service);
      const own = slices.get(nameOf(service)) ?? [];
      const known = before.get(service);
      if (known && sameItems(known.slices, own)) return known.ports;
      const ports = portsOf(service, own, view);
      before.set(service, { slices: own, ports });
      return ports;
    });
    for (const service of before.keys()) if (!seen.has(service)) before.delete(service);
    return found.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  };
}

function slicesByService(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  return Map.groupBy(
    slices,
    ({ metadata }) => `${metadata.namespace ?? ""}/${metadata.labels?.[serviceNameLabel] ?? ""}`,
  );
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function nameOf({ metadata }: Service): string {
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}`;
}

/** Headless and external-name services have no address of their own; labelled ones belong to another proxy. */
function isServed({ spec, metadata }: Service): boolean {
  return spec !== undefined && spec.type !== "ExternalName" && metadata.labels?.[proxyNameLabel] === undefined;
}

function portsOf(service: Service, slices: readonly EndpointSlice[], { family, node }: ProxyView): ServicePort[] {
  const spec = service.spec ?? {};
  const clusterIp = [...(spec.clusterIPs ?? []), spec.clusterIP].find((address) => isOf(family, address));
  if (clusterIp === undefined) return [];
  const ours = (address: string | undefined): string[] => (isOf(family, address) ? [canonicalAddress(address)] : []);
  const ingress = spec.type === "LoadBalancer" ? (service.status?.loadBalancer?.ingress ?? []) : [];
  const ranges = (spec.loadBalancerSourceRanges ?? []).flatMap((range) => canonicalRange(range, family) ?? []);
  return (spec.ports ?? []).map((port) => {
    const protocol = protocolOf(port.protocol);
    const candidates = slices.flatMap((slice) => candidatesOf(slice, port.name ?? "", protocol, family));
    const { localReady, ...chosen } = chooseBackends(candidates, node);
    return {
      id: port.name ? `${nameOf(service)}:${port.name}` : nameOf(service),
      protocol,
      clusterIp: canonicalAddress(clusterIp),
      port: port.port,
      nodePort: port.nodePort || undefined,
      externalIps: (spec.externalIPs ?? []).flatMap(ours),
      // Addresses whose balancer passes packets on with another destination ("Proxy") are the balancer's alone.
      loadBalancerIps: ingress.filter(({ ipMode }) => ipMode !== "Proxy").flatMap(({ ip }) => ours(ip)),
      loadBalancerSourceRanges: ranges,
      nodeMayUseLoadBalancer: node.addresses.some((address) => ranges.some((range) => isWithin(address, range))),
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
          : undefined,
      internalPolicy: spec.internalTrafficPolicy === "Local" ? "Local" : "Cluster",
      externalPolicy: spec.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
      ...chosen,
      healthCheck: healthCheckOf(service, localReady),
    };
  });
}

function healthCheckOf({ spec, metadata }: Service, localEndpoints: number): HealthCheck | undefined {
  if (spec?.type !== "LoadBalancer" || spec.externalTrafficPolicy !== "Local" || !spec.healthCheckNodePort)
    return undefined;
  return {
    port: spec.healthCheckNodePort,
    namespace: metadata.namespace ?? "",
    name: metadata.name ?? "",
    localEndpoints,
  };
}

function protocolOf(protocol: string | undefined): ServicePort["protocol"] {
  return protocol === "UDP" ? "udp" : protocol === "SCTP" ? "sctp" : "tcp";
}
