// The cluster as names need it and no more: what the daemon keeps of each object, and a view of what it kept before it was
// last stopped. Ready for JSON; where it is written is the shell's.
import type { Namespace, Service } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalAddress } from "./ip.ts";
import { clusterAddressesOf } from "./service.ts";
import type { ClusterView } from "./zone.ts";

/** What is written down; another format number is another file. */
export interface Memory {
  readonly format: 1;
  /** Wall time in milliseconds. */
  readonly savedAt: number;
  readonly namespaces: readonly string[];
  readonly services: readonly DeepReadonly<Service>[];
  readonly slices: readonly DeepReadonly<EndpointSlice>[];
}

export function trimNamespace({ apiVersion, kind, metadata }: Namespace): Namespace {
  return { apiVersion, kind, metadata: trimMetadata(metadata) };
}

export function trimService({ apiVersion, kind, metadata, spec }: Service): Service {
  const trimmed: Service = { apiVersion, kind, metadata: trimMetadata(metadata) };
  if (!spec) return trimmed;
  const { type, clusterIP, clusterIPs, externalName, ports } = spec;
  return {
    ...trimmed,
    spec: {
      ...(type === undefined ? {} : { type }),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(clusterIPs === undefined ? {} : { clusterIPs }),
      ...(externalName === undefined ? {} : { externalName }),
      ...(ports === undefined
        ? {}
        : {
            ports: ports.map(({ name, protocol, port }) => ({
              port,
              ...(name === undefined ? {} : { name }),
              ...(protocol === undefined ? {} : { protocol }),
            })),
          }),
    },
  };
}

export function trimSlice({ apiVersion, kind, metadata, addressType, ports, endpoints }: EndpointSlice): EndpointSlice {
  const service = metadata.labels?.[serviceLabel];
  return {
    apiVersion,
    kind,
    metadata: { ...trimMetadata(metadata), ...(service === undefined ? {} : { labels: { [serviceLabel]: service } }) },
    addressType,
    ...(ports ? { ports } : {}),
    endpoints: (endpoints ?? []).map(({ addresses, hostname, conditions }) => ({
      addresses,
      ...(hostname === undefined ? {} : { hostname }),
      ...(conditions?.ready === undefined ? {} : { conditions: { ready: conditions.ready } }),
    })),
  };
}

/** "NAMESPACE/SERVICE": the service whose endpoints a slice holds. */
export function serviceOf({ metadata }: DeepReadonly<EndpointSlice>): string {
  return `${metadata.namespace ?? ""}/${metadata.labels?.[serviceLabel] ?? ""}`;
}

export function addressesOfService(service: DeepReadonly<Service>): readonly string[] {
  return clusterAddressesOf(service).map(canonicalAddress);
}

export function addressesOfSlice({ endpoints }: DeepReadonly<EndpointSlice>): readonly string[] {
  return (endpoints ?? []).flatMap(({ addresses }) => addresses.map(canonicalAddress));
}

/** The cluster as it was. */
export function viewOfMemory(memory: Memory): ClusterView {
  const namespaces = new Set(memory.namespaces);
  const services = new Map(
    memory.services.map((service) => [`${service.metadata.namespace ?? ""}/${service.metadata.name ?? ""}`, service]),
  );
  const slices = grouped(memory.slices, (slice) => [serviceOf(slice)]);
  const servicesAt = grouped(memory.services, addressesOfService);
  const slicesAt = grouped(memory.slices, addressesOfSlice);
  return {
    hasNamespace: (name) => namespaces.has(name),
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    slicesOf: (namespace, service) => slices.get(`${namespace}/${service}`) ?? [],
    servicesAt: (address) => servicesAt.get(address) ?? [],
    slicesAt: (address) => slicesAt.get(address) ?? [],
  };
}

const serviceLabel = "kubernetes.io/service-name";

type Metadata = Service["metadata"];

function trimMetadata({ namespace, name, uid, resourceVersion }: Metadata): Metadata {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function grouped<T>(values: readonly T[], keysOf: (value: T) => readonly string[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values)
    for (const key of keysOf(value)) {
      const group = groups.get(key);
      if (group) group.push(value);
      else groups.set(key, [value]);
    }
  return groups;
}
