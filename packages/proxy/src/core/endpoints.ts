// Which endpoints of a service port may receive traffic on this node: readiness, termination, the node's own, and hints
// for zones and nodes (the order of preference of kube-proxy's CategorizeEndpoints and topologyModeFromHints). It knows
// no services and no rules.
import type { EndpointSlice as MutableEndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalAddress, isReachable } from "./address.ts";
import type { Family } from "./address.ts";

export type EndpointSlice = DeepReadonly<MutableEndpointSlice>;
type Endpoint = NonNullable<EndpointSlice["endpoints"]>[number];

export interface Backend {
  /** "" is this node itself: a relay of userspace mode. */
  readonly address: string;
  readonly port: number;
}

/** The machine that the choice is made for. */
export interface Place {
  readonly nodeName: string;
  readonly zone: string | undefined;
}

export interface Choice {
  /** For policy Cluster; sorted, without doubles. */
  readonly backends: readonly Backend[];
  /** Those on this node, for policy Local. */
  readonly localBackends: readonly Backend[];
  /** How many ready endpoints are on this node. */
  readonly localReady: number;
}

export interface Candidate {
  readonly endpoint: Endpoint;
  readonly backend: Backend;
}

/** The endpoints of a slice that serve a port; those that would turn the node against itself are left out. */
export function candidatesOf(slice: EndpointSlice, portName: string, protocol: string, family: Family): Candidate[] {
  if (slice.addressType !== (family === "ipv4" ? "IPv4" : "IPv6")) return [];
  const port = slice.ports?.find(
    (candidate) => (candidate.name ?? "") === portName && (candidate.protocol ?? "TCP").toLowerCase() === protocol,
  )?.port;
  if (!port) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const address = endpoint.addresses[0];
    return address !== undefined && isReachable(address, family)
      ? [{ endpoint, backend: { address: canonicalAddress(address), port } }]
      : [];
  });
}

export function chooseBackends(candidates: readonly Candidate[], place: Place): Choice {
  const local = candidates.filter(({ endpoint }) => endpoint.nodeName === place.nodeName);
  const near = candidates.filter(nearby(candidates, place));
  return {
    backends: distinct(near.some(isReady) ? near.filter(isReady) : usable(candidates)),
    localBackends: distinct(usable(local)),
    localReady: distinct(local.filter(isReady)).length,
  };
}

/** An endpoint is not ready, or terminates, or is not there any more: somebody may wait until nobody is led there. */
export function hasDepartures(before: EndpointSlice | undefined, after: EndpointSlice): boolean {
  const there = new Set(after.endpoints?.map(({ addresses }) => addresses[0]));
  return (
    (before?.endpoints ?? []).some(({ addresses }) => !there.has(addresses[0])) ||
    (after.endpoints ?? []).some(({ conditions }) => conditions?.terminating === true || conditions?.ready === false)
  );
}

/** Hints count only if every ready endpoint has one and one of them means this place; else all are near. */
function nearby(candidates: readonly Candidate[], { nodeName, zone }: Place): (candidate: Candidate) => boolean {
  const ready = candidates.filter(isReady);
  const forNode = ({ endpoint }: Candidate): boolean =>
    endpoint.hints?.forNodes?.some(({ name }) => name === nodeName) ?? false;
  const forZone = ({ endpoint }: Candidate): boolean =>
    endpoint.hints?.forZones?.some(({ name }) => name === zone) ?? false;
  if (ready.every(({ endpoint }) => endpoint.hints?.forNodes?.length) && ready.some(forNode)) return forNode;
  if (zone !== undefined && ready.every(({ endpoint }) => endpoint.hints?.forZones?.length) && ready.some(forZone))
    return forZone;
  return () => true;
}

/** Ready endpoints; where none is ready, those that still serve while they terminate. */
function usable(candidates: readonly Candidate[]): readonly Candidate[] {
  const ready = candidates.filter(isReady);
  return ready.length > 0
    ? ready
    : candidates.filter(({ endpoint: { conditions } }) => conditions?.terminating && (conditions.serving ?? true));
}

function isReady({ endpoint }: Candidate): boolean {
  return endpoint.conditions?.ready ?? true;
}

function distinct(candidates: readonly Candidate[]): Backend[] {
  const found = new Map(candidates.map(({ backend }) => [`${backend.address} ${backend.port}`, backend]));
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, backend]) => backend);
}
