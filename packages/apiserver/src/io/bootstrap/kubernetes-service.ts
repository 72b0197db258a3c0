// The service `kubernetes`: the first address of the range, and behind it the apiservers that live. Each holds a key with
// a lease in the store (Kubernetes' /registry/masterleases/); whoever is in there is an endpoint, so that a dead one
// vanishes by itself. Every apiserver writes the same list, by compare-and-set.
import { jsonEqual } from "@coxswain/apimachinery";
import type { ApiObject } from "@coxswain/apimachinery";
import type { Clock } from "@coxswain/clock";
import type { Component, Logger } from "@coxswain/daemon";
import type { EtcdClient } from "@coxswain/etcd-api";
import { encodeForStore } from "../../core/registry/encoding.ts";
import type { GroupResource, ObjectWriter } from "../../core/request.ts";

export interface KubernetesServiceConfig {
  readonly address: string;
  readonly port: number;
  readonly clusterIp: string;
}

export interface KubernetesServicePorts {
  readonly client: EtcdClient;
  readonly objects: ObjectWriter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes the service's address from the allocator; harmless when it is ours already. */
  readonly claimAddress: (ip: string) => Promise<void>;
}

const intervalMs = 10_000;
const leaseSeconds = 15;
const prefix = "/registry/masterleases/";
const services: GroupResource = { group: "", resource: "services" };
const endpoints: GroupResource = { group: "", resource: "endpoints" };
const slices: GroupResource = { group: "discovery.k8s.io", resource: "endpointslices" };

export function createKubernetesService(config: KubernetesServiceConfig, ports: KubernetesServicePorts): Component {
  const { client, objects, clock, log } = ports;
  const aborter = new AbortController();
  const ownKey = Buffer.from(`${prefix}${config.address}`);
  let running: Promise<void> = Promise.resolve();
  let lease = 0n;

  /** One lease is renewed for as long as the store knows it; the key is written again when it was lost. */
  const hold = async (): Promise<void> => {
    lease = (await client.lease.leaseGrant({ ttl: leaseSeconds })).id;
    const value = {
      kind: "Endpoints",
      apiVersion: "v1",
      metadata: { name: "" },
      subsets: [{ addresses: [{ ip: config.address }] }],
    };
    await client.kv.put({ key: ownKey, value: encodeForStore(value), lease });
  };
  const living = async (): Promise<string[]> => {
    const response = await client.kv.range({
      key: Buffer.from(prefix),
      rangeEnd: Buffer.from("/registry/masterleases0"),
      keysOnly: true,
    });
    return response.kvs.map(({ key }) => Buffer.from(key).toString().slice(prefix.length)).sort();
  };
  const reconcile = async (): Promise<void> => {
    await hold();
    await writeService(objects, config, ports.claimAddress);
    const addresses = await living();
    await write(objects, endpoints, endpointsOf(addresses, config.port), "subsets");
    await write(objects, slices, sliceOf(addresses, config.port), "endpoints");
  };
  const run = async (): Promise<void> => {
    for (;;) {
      try {
        await clock.sleep(intervalMs, aborter.signal);
      } catch {
        return; // Stopped.
      }
      await reconcile().catch((err: unknown) =>
        log.warn({ err }, "the kubernetes service could not be brought up to date"),
      );
    }
  };

  return {
    async start() {
      await reconcile();
      running = run();
    },
    ready: () => [],
    async stop() {
      aborter.abort(new DOMException("stopped", "AbortError"));
      await running;
      // A stopped server takes itself out at once instead of waiting for the lease.
      if (lease !== 0n) {
        await client.kv
          .deleteRange({ key: ownKey }, { timeoutMs: 1000 })
          .catch((err: unknown) => log.debug({ err }, "the master lease runs out by itself"));
        const left = await living().catch(() => []);
        if (left.length > 0)
          await write(objects, endpoints, endpointsOf(left, config.port), "subsets").catch(() => undefined);
        if (left.length > 0)
          await write(objects, slices, sliceOf(left, config.port), "endpoints").catch(() => undefined);
      }
    },
  };
}

async function writeService(
  objects: ObjectWriter,
  { clusterIp, port }: KubernetesServiceConfig,
  claim: (ip: string) => Promise<void>,
): Promise<void> {
  if (await objects.read(services, "default", "kubernetes")) return;
  const service: ApiObject & Record<string, unknown> = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default", labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      type: "ClusterIP",
      sessionAffinity: "None",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
    },
  };
  await claim(clusterIp);
  await objects.createIfAbsent(services, service);
}

/** Creates it, or changes `member` alone when it differs. */
async function write(
  objects: ObjectWriter,
  of: GroupResource,
  wanted: ApiObject & Record<string, unknown>,
  member: string,
): Promise<void> {
  if (await objects.createIfAbsent(of, wanted)) return;
  await objects.update(of, "default", "kubernetes", (current) => {
    const loose = current as ApiObject & Record<string, unknown>;
    return jsonEqual(loose[member] ?? null, wanted[member] ?? null)
      ? undefined
      : { ...loose, [member]: wanted[member] };
  });
}

function endpointsOf(addresses: readonly string[], port: number): ApiObject & Record<string, unknown> {
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: "https", port, protocol: "TCP" }] }];
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "endpointslice.kubernetes.io/skip-mirror": "true" },
    },
    subsets,
  };
}

function sliceOf(addresses: readonly string[], port: number): ApiObject & Record<string, unknown> {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "kubernetes", namespace: "default", labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}
