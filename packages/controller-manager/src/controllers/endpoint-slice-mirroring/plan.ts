// The EndpointSlices of Endpoints that people write for services without selectors: readers of slices must see them, too. Names are derived
// from ports and kind of address, so that a second making is refused and a slice is found again.
import type { EndpointAddress, Endpoints, EndpointSubset } from "@coxswain/api/core/v1";
import type { Endpoint, EndpointPort, EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalJson } from "../../loop/same-json.ts";
import { controllerReference } from "../../ownership/adopt.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";
import { managerLabel, serviceLabel } from "../endpoint-slice/labels.ts";

export type ReadonlyEndpoints = DeepReadonly<Endpoints>;

export const mirrorName = "endpointslicemirroring-controller.k8s.io";
/** `--mirroring-max-endpoints-per-subset`. */
export const mostAddresses = 1000;
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const notCopied = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "endpoints.kubernetes.io/last-change-trigger-time",
];

/** Whether slices are to be made of the Endpoints: not of those that a controller or a leader election keeps. */
export function isMirrored(endpoints: ReadonlyEndpoints, service: ReadonlyService | undefined): boolean {
  const { labels, annotations, deletionTimestamp } = endpoints.metadata;
  if (service === undefined || Object.keys(service.spec?.selector ?? {}).length > 0) return false;
  if (service.spec?.type === "ExternalName") return false;
  return (
    deletionTimestamp === undefined && labels?.[skipLabel] !== "true" && annotations?.[leaderAnnotation] === undefined
  );
}

export function mirroredSlices(endpoints: ReadonlyEndpoints): readonly DeepReadonly<EndpointSlice>[] {
  const slices = new Map<string, DeepReadonly<EndpointSlice>>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map((port): EndpointPort => ({
      ...port,
      name: port.name ?? "",
      protocol: port.protocol ?? "TCP",
    }));
    for (const addressType of ["IPv4", "IPv6"] as const) {
      const found = endpointsOf(subset, addressType).slice(0, mostAddresses);
      if (found.length === 0) continue;
      const name = `${endpoints.metadata.name.slice(0, 240)}-${hash(`${addressType} ${canonicalJson(ports)}`)}`;
      // Two subsets of the same ports are one slice.
      const before = slices.get(name)?.endpoints ?? [];
      slices.set(name, sliceOf(endpoints, name, addressType, ports, [...before, ...found].slice(0, mostAddresses)));
    }
  }
  return [...slices.values()];
}

function sliceOf(
  endpoints: ReadonlyEndpoints,
  name: string,
  addressType: "IPv4" | "IPv6",
  ports: readonly EndpointPort[],
  found: readonly DeepReadonly<Endpoint>[],
): DeepReadonly<EndpointSlice> {
  const { namespace, labels, annotations = {} } = endpoints.metadata;
  const copied = Object.entries(annotations).filter(([key]) => !notCopied.includes(key));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      namespace,
      name,
      labels: { ...labels, [managerLabel]: mirrorName, [serviceLabel]: endpoints.metadata.name },
      ...(copied.length > 0 && { annotations: Object.fromEntries(copied) }),
      ownerReferences: [controllerReference({ object: endpoints, apiVersion: "v1", kind: "Endpoints" })],
    },
    addressType,
    endpoints: found,
    ports,
  };
}

function endpointsOf(subset: DeepReadonly<EndpointSubset>, addressType: "IPv4" | "IPv6"): readonly Endpoint[] {
  const isOfType = ({ ip }: DeepReadonly<EndpointAddress>): boolean => ip.includes(":") === (addressType === "IPv6");
  const ready = (subset.addresses ?? []).filter(isOfType).map((address) => endpointOf(address, true));
  const notReady = (subset.notReadyAddresses ?? []).filter(isOfType).map((address) => endpointOf(address, false));
  return [...ready, ...notReady];
}

function endpointOf({ ip, hostname, nodeName, targetRef }: DeepReadonly<EndpointAddress>, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef: { ...targetRef } }),
  };
}

/** FNV-1a, as short text. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value.toString(36);
}
