// Decides the Endpoints object of a Service: the older form of slices, one object, at most a thousand addresses.
import type { EndpointAddress, EndpointSubset, Endpoints } from "@coxswain/api/core/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import { canonicalJson } from "../../loop/same-json.ts";
import { isReady } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { hostnameOf, podsOf, resolvePorts } from "../../services/endpoints-of.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";

export const mostAddresses = 1_000;
export const capacityAnnotation = "endpoints.kubernetes.io/over-capacity";

/** Addresses grouped by the ports they serve, as Kubernetes' RepackSubsets orders them. */
export function endpointSubsets(
  service: ReadonlyService,
  pods: readonly ReadonlyPod[],
): { readonly subsets: readonly EndpointSubset[]; readonly truncated: boolean } {
  const publish = service.spec?.publishNotReadyAddresses === true;
  const candidates = podsOf(service, pods).filter((pod) => publish || pod.metadata.deletionTimestamp === undefined);
  // Ready ones first, so that a cut takes the others.
  const ordered = [...candidates.filter(isReady), ...candidates.filter((pod) => !isReady(pod))];
  const groups = new Map<
    string,
    { ports: EndpointSubset["ports"]; ready: EndpointAddress[]; notReady: EndpointAddress[] }
  >();
  for (const pod of ordered.slice(0, mostAddresses)) {
    const resolved = resolvePorts(service, pod);
    if (resolved.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const ports = resolved.map(({ name, ...port }) => (name === "" ? port : { name, ...port }));
    const group = groups.get(canonicalJson(ports)) ?? { ports, ready: [], notReady: [] };
    groups.set(canonicalJson(ports), group);
    (publish || isReady(pod) ? group.ready : group.notReady).push(addressOf(service, pod));
  }
  const subsets = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length > 0 ? { addresses: ready.sort(byIp) } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady.sort(byIp) } : {}),
      ...(ports && ports.length > 0 ? { ports } : {}),
    }));
  return { subsets, truncated: ordered.length > mostAddresses };
}

function addressOf(service: ReadonlyService, pod: ReadonlyPod): EndpointAddress {
  const { namespace, name, uid } = pod.metadata;
  const hostname = hostnameOf(service, pod);
  return {
    ip: pod.status?.podIP ?? "",
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

const byIp = (a: EndpointAddress, b: EndpointAddress): number => (a.ip < b.ip ? -1 : 1);

/** What of an Endpoints object we decide; everything else is left as it is. */
export const decided = (endpoints: DeepReadonly<Endpoints>): unknown => ({
  subsets: endpoints.subsets ?? [],
  labels: endpoints.metadata.labels,
  truncated: endpoints.metadata.annotations?.[capacityAnnotation],
});
