// The service `kubernetes` in `default`, by which pods reach the API, and its endpoints: the apiservers that are alive. Each says so by a
// key with a lease (`/registry/masterleases/ADDRESS`, as Kubernetes); whoever looks next writes the endpoints that follow from all keys.
import { type ApiObject, jsonEqual } from "@coxswain/apimachinery";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { Endpoints, Service } from "@coxswain/api/core/v1";
import type { GroupResource, ObjectWriter } from "../request.ts";
import type { ServiceAllocator } from "../registry/core/service/allocation/service-allocation.ts";
import { prefixEnd, type Storage } from "../storage.ts";

const prefix = "/registry/masterleases/";
const leaseSeconds = 15;
const service: GroupResource = { group: "", resource: "services" };
const endpoints: GroupResource = { group: "", resource: "endpoints" };
const slices: GroupResource = { group: "discovery.k8s.io", resource: "endpointslices" };
const place = { namespace: "default", name: "kubernetes" } as const;

export interface KubernetesServiceConfig {
  /** First address of the service range. */
  readonly clusterIp: string;
  readonly advertiseAddress: string;
  readonly securePort: number;
}

export interface KubernetesService {
  /** One look and what follows from it. Call it at start and every `lookIntervalMs`. */
  reconcile(): Promise<void>;
  /** Takes this apiserver out of the endpoints. */
  leave(): Promise<void>;
  readonly lookIntervalMs: number;
}

export function createKubernetesService(
  config: KubernetesServiceConfig,
  ports: { readonly storage: Pick<Storage, "get" | "create" | "replace" | "remove" | "page">; readonly writer: ObjectWriter; readonly allocator: ServiceAllocator },
): KubernetesService {
  const { storage, writer, allocator } = ports;
  const key = `${prefix}${config.advertiseAddress}`;
  return {
    lookIntervalMs: 10_000,
    async reconcile() {
      await ensureService();
      await renewLease();
      await writeEndpoints();
    },
    async leave() {
      const { value } = await storage.get(key);
      if (value !== undefined) await storage.remove(key, value.revision);
      await writeEndpoints();
    },
  };

  async function ensureService(): Promise<void> {
    if (writer.view(service).get(place.namespace, place.name) !== undefined) return;
    if ((await writer.read(service, place.namespace, place.name)) !== undefined) return;
    // Should the address be marked as taken by a former life of this service, it is still its own.
    await writer.remove({ group: "networking.k8s.io", resource: "ipaddresses" }, "", config.clusterIp);
    const allocation = await allocator.allocate(kubernetesService(config), undefined, false);
    if (await writer.createIfAbsent(service, allocation.service)) await allocation.commit();
    // Another apiserver was first with the same address; its mark is ours, and stays.
  }

  async function renewLease(): Promise<void> {
    const value = Buffer.from(JSON.stringify({ kind: "Endpoints", apiVersion: "v1", metadata: {}, subsets: [{ addresses: [{ ip: config.advertiseAddress }] }] }));
    const { value: known } = await storage.get(key);
    if (known === undefined) await storage.create(key, value, leaseSeconds);
    else await storage.replace(key, value, known.revision, leaseSeconds);
  }

  async function writeEndpoints(): Promise<void> {
    const { values } = await storage.page({ from: prefix, to: prefixEnd(prefix), limit: 0 });
    const addresses = values.map((value) => value.key.slice(prefix.length)).toSorted();
    for (const [resource, wanted] of [
      [endpoints, kubernetesEndpoints(addresses, config.securePort)],
      [slices, kubernetesSlice(addresses, config.securePort)],
    ] as const) {
      if (await writer.createIfAbsent(resource, wanted)) continue;
      await writer.update(resource, place.namespace, place.name, (found) => {
        const next = { ...found, ...wanted, metadata: { ...found.metadata, labels: { ...found.metadata.labels, ...wanted.metadata.labels } } };
        return jsonEqual(found, next) ? undefined : next;
      });
    }
  }
}

function kubernetesService({ clusterIp, securePort }: KubernetesServiceConfig): ApiObject & Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...place, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: securePort }],
    },
    status: { loadBalancer: {} },
  };
}

/** The label keeps the controllers of ordinary services away from it. */
const mirrored = { "endpointslice.kubernetes.io/skip-mirror": "true" };

function kubernetesEndpoints(addresses: readonly string[], port: number): ApiObject & Endpoints {
  const subsets = addresses.length === 0 ? [] : [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: "https", port, protocol: "TCP" as const }] }];
  return { apiVersion: "v1", kind: "Endpoints", metadata: { ...place, labels: mirrored }, subsets };
}

function kubernetesSlice(addresses: readonly string[], port: number): ApiObject & EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...place, labels: { "kubernetes.io/service-name": place.name } },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}
