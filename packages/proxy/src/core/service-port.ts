// One service port as the rules need it: where it is reached and which backends stand behind it. Built from a Service
// and its EndpointSlices; decides which services are ours and which endpoints may receive traffic (the same order of
// preference as kube-proxy's CategorizeEndpoints). Knows nothing of chains.
import type { Service as MutableService } from "@coxswain/api/core/v1";
import type { EndpointSlice as MutableEndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

type Service = DeepReadonly<MutableService>;
type EndpointSlice = DeepReadonly<MutableEndpointSlice>;
type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

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
  /** Seconds a client sticks to its backend; undefined without session affinity. */
  readonly affinitySeconds: number | undefined;
  readonly internalPolicy: TrafficPolicy;
  readonly externalPolicy: TrafficPolicy;
  /** Backends for policy Cluster, then those on this node for policy Local; sorted, without doubles. */
  readonly backends: readonly Backend[];
  readonly localBackends: readonly Backend[];
}

export interface Backend {
  readonly address: string;
  readonly port: number;
}

export type TrafficPolicy = "Cluster" | "Local";

export interface ProxyView {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  /** The node that the rules are for; its endpoints are the local ones. */
  readonly nodeName: string;
}

export const serviceNameLabel = "kubernetes.io/service-name";
export const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
const defaultAffinitySeconds = 10_800;

/** All service ports that this proxy serves, sorted by id. */
export function servicePorts(view: ProxyView): readonly ServicePort[] {
  const slices = Map.groupBy(
    view.endpointSlices,
    (slice) => `${slice.metadata.namespace ?? ""}/${slice.metadata.labels?.[serviceNameLabel] ?? ""}`,
  );
  return view.services
    .filter(isServed)
    .flatMap((service) =>
      portsOf(
        service,
        slices.get(`${service.metadata.namespace ?? ""}/${service.metadata.name ?? ""}`) ?? [],
        view.nodeName,
      ),
    )
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

/** Headless and external-name services have no address of their own; labelled ones belong to another proxy. */
function isServed(service: Service): boolean {
  const { spec, metadata } = service;
  if (!spec || spec.type === "ExternalName" || metadata.labels?.[proxyNameLabel] !== undefined) return false;
  return isIpv4(spec.clusterIP);
}

function portsOf(service: Service, slices: readonly EndpointSlice[], nodeName: string): ServicePort[] {
  const spec = service.spec ?? {};
  const name = `${service.metadata.namespace ?? ""}/${service.metadata.name ?? ""}`;
  const ingress = spec.type === "LoadBalancer" ? (service.status?.loadBalancer?.ingress ?? []) : [];
  return (spec.ports ?? []).map((port) => {
    const protocol = protocolOf(port.protocol);
    const endpoints = slices.flatMap((slice) => endpointsOf(slice, port.name ?? "", protocol));
    return {
      id: port.name ? `${name}:${port.name}` : name,
      protocol,
      clusterIp: spec.clusterIP ?? "",
      port: port.port,
      nodePort: port.nodePort || undefined,
      externalIps: (spec.externalIPs ?? []).filter(isIpv4),
      loadBalancerIps: ingress
        .filter((entry) => entry.ipMode !== "Proxy")
        .flatMap((entry) => (isIpv4(entry.ip) ? [entry.ip] : [])),
      loadBalancerSourceRanges: (spec.loadBalancerSourceRanges ?? [])
        .map((range) => range.trim())
        .filter((range) => isIpv4(range.split("/")[0])),
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
          : undefined,
      internalPolicy: spec.internalTrafficPolicy === "Local" ? "Local" : "Cluster",
      externalPolicy: spec.externalTrafficPolicy === "Local" ? "Local" : "Cluster",
      backends: usable(endpoints),
      localBackends: usable(endpoints.filter(({ endpoint }) => endpoint.nodeName === nodeName)),
    };
  });
}

interface Candidate {
  readonly endpoint: Endpoint;
  readonly backend: Backend;
}

function endpointsOf(slice: EndpointSlice, portName: string, protocol: string): Candidate[] {
  if (slice.addressType !== "IPv4") return [];
  const port = slice.ports?.find(
    (candidate) => (candidate.name ?? "") === portName && protocolOf(candidate.protocol) === protocol,
  )?.port;
  if (!port) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const address = endpoint.addresses[0];
    return address !== undefined && isReachable(address) ? [{ endpoint, backend: { address, port } }] : [];
  });
}

/** Ready endpoints; where none is ready, those that still serve while they terminate. */
function usable(candidates: readonly Candidate[]): Backend[] {
  const ready = candidates.filter(({ endpoint }) => endpoint.conditions?.ready ?? true);
  const chosen =
    ready.length > 0
      ? ready
      : candidates.filter(({ endpoint: { conditions } }) => conditions?.terminating && conditions.serving);
  const distinct = new Map(chosen.map(({ backend }) => [`${backend.address}:${backend.port}`, backend]));
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, backend]) => backend);
}

/** An endpoint on loopback, link-local, multicast or unspecified addresses would turn the node against itself. */
function isReachable(address: string): boolean {
  return isIpv4(address) && !/^(0|127)\.|^169\.254\.|^(22[4-9]|2[3-5]\d)\./.test(address);
}

function isIpv4(address: string | undefined): address is string {
  return (
    address !== undefined &&
    /^(\d{1,3})(\.\d{1,3}){3}$/.test(address) &&
    address.split(".").every((part) => Number(part) <= 255)
  );
}

function protocolOf(protocol: string | undefined): ServicePort["protocol"] {
  return protocol === "UDP" ? "udp" : protocol === "SCTP" ? "sctp" : "tcp";
}
