// Decides what a Service's EndpointSlices should hold. Few writes: endpoints stay in the slice they are in, slices that are
// right are not touched, new endpoints fill the fullest slice that has room.
import type { Endpoint, EndpointPort, EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Plan } from "@coxswain/controller";
import { canonicalJson, sameJson } from "../../loop/same-json.ts";
import { isReady, isTerminating } from "../../pods/state.ts";
import type { ReadonlyPod } from "../../pods/state.ts";
import { hostnameOf, podsOf, resolvePorts } from "../../services/endpoints-of.ts";
import type { ReadonlyService } from "../../services/endpoints-of.ts";
import { hintsOf } from "./hints.ts";
import { labelsOfSlices } from "./labels.ts";

export type ReadonlySlice = DeepReadonly<EndpointSlice>;
type AddressType = "IPv4" | "IPv6";

export interface EndpointSliceView {
  readonly service: ReadonlyService;
  /** Pods of the service's namespace. */
  readonly pods: readonly ReadonlyPod[];
  /** Slices of this service that we manage. */
  readonly slices: readonly ReadonlySlice[];
  readonly zoneOf: (node: string) => string | undefined;
}

export interface SliceContent {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export type SliceAction =
  | { readonly kind: "create"; readonly content: SliceContent }
  | { readonly kind: "update"; readonly slice: ReadonlySlice; readonly content: SliceContent }
  | { readonly kind: "delete"; readonly slice: ReadonlySlice };

export const mostEndpoints = 100;

export function planEndpointSlices(view: EndpointSliceView): Plan<SliceAction> {
  const groups = desiredGroups(view);
  const labels = labelsOfSlices(view.service);
  const left = new Set(view.slices.filter((slice) => slice.metadata.deletionTimestamp === undefined));
  const actions: SliceAction[] = [];
  for (const [key, group] of groups) {
    const mine = [...left].filter((slice) => groupKey(slice.addressType, slice.ports ?? []) === key);
    for (const slice of mine) left.delete(slice);
    actions.push(...fitGroup(group, mine, labels));
  }
  for (const slice of left) actions.push({ kind: "delete", slice });
  // A slice that would go takes the place of one that would come: half the writes, and readers see no gap.
  const reused = reuseSlices(actions);
  const count = [...groups.values()].reduce((sum, group) => sum + group.endpoints.length, 0);
  return {
    actions: reused,
    because: actions.length === 0 ? "the slices are right" : `${count} endpoints belong to the service`,
  };
}

function reuseSlices(actions: readonly SliceAction[]): readonly SliceAction[] {
  const going = actions.flatMap((action) => (action.kind === "delete" ? [action.slice] : []));
  const taken = new Set<ReadonlySlice>();
  const replaced = actions.map((action): SliceAction => {
    if (action.kind !== "create") return action;
    const slice = going.find((one) => one.addressType === action.content.addressType && !taken.has(one));
    if (slice === undefined) return action;
    taken.add(slice);
    return { kind: "update", slice, content: action.content };
  });
  return replaced.filter((action) => action.kind !== "delete" || !taken.has(action.slice));
}

interface Group {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

function desiredGroups(view: EndpointSliceView): Map<string, Group> {
  const { service } = view;
  const groups = new Map<string, Group>();
  for (const addressType of addressTypes(service)) {
    for (const pod of podsOf(service, view.pods)) {
      const endpoint = endpointOf(view, pod, addressType);
      if (endpoint === undefined) continue;
      const ports = resolvePorts(service, pod);
      if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
      const key = groupKey(addressType, ports);
      const group: Group = groups.get(key) ?? { addressType, ports: ports.map((port) => ({ ...port })), endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpoint);
    }
    // A service without pods still has one, empty slice, which says that it was looked at.
    if (![...groups.values()].some((group) => group.addressType === addressType)) {
      groups.set(groupKey(addressType, []), { addressType, ports: [], endpoints: [] });
    }
  }
  return groups;
}

function fitGroup(
  group: Group,
  slices: readonly ReadonlySlice[],
  labels: Readonly<Record<string, string>>,
): SliceAction[] {
  const wanted = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const contents = slices.map((slice) => {
    const kept = (slice.endpoints ?? []).flatMap((endpoint) => {
      const now = wanted.get(endpointKey(endpoint));
      wanted.delete(endpointKey(endpoint));
      return now ? [now] : [];
    });
    return { slice, endpoints: kept };
  });
  for (const bin of contents.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) {
    for (const [key, endpoint] of wanted) {
      if (bin.endpoints.length >= mostEndpoints) break;
      bin.endpoints.push(endpoint);
      wanted.delete(key);
    }
  }
  const { addressType, ports } = group;
  let spare = wanted.size === 0 && group.endpoints.length === 0;
  const actions: SliceAction[] = contents.flatMap(({ slice, endpoints }): SliceAction[] => {
    if (endpoints.length === 0 && !spare) return [{ kind: "delete", slice }];
    spare = endpoints.length === 0 ? false : spare;
    const content = { addressType, ports, endpoints };
    const unchanged = sameJson(slice.endpoints ?? [], endpoints) && sameJson(slice.metadata.labels ?? {}, labels);
    return unchanged ? [] : [{ kind: "update", slice, content }];
  });
  const rest = [...wanted.values()];
  if (rest.length === 0 && group.endpoints.length === 0 && slices.length === 0)
    actions.push({ kind: "create", content: { addressType, ports, endpoints: [] } });
  for (let start = 0; start < rest.length; start += mostEndpoints) {
    actions.push({
      kind: "create",
      content: { addressType, ports, endpoints: rest.slice(start, start + mostEndpoints) },
    });
  }
  return actions;
}

function endpointOf(view: EndpointSliceView, pod: ReadonlyPod, addressType: AddressType): Endpoint | undefined {
  const ips = pod.status?.podIPs?.map(({ ip }) => ip ?? "") ?? [pod.status?.podIP ?? ""];
  const address = ips.find((ip) => (ip.includes(":") ? "IPv6" : "IPv4") === addressType && ip !== "");
  if (address === undefined) return undefined;
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const publish = view.service.spec?.publishNotReadyAddresses === true;
  const hostname = hostnameOf(view.service, pod);
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName === undefined ? undefined : view.zoneOf(nodeName);
  const isEndpointReady = publish || (serving && !terminating);
  const hints = hintsOf(view.service, { isReady: isEndpointReady, nodeName, zone });
  return {
    addresses: [address],
    conditions: { ready: isEndpointReady, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints }),
    targetRef: { kind: "Pod", namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
}

function addressTypes(service: ReadonlyService): readonly AddressType[] {
  const families = service.spec?.ipFamilies ?? [];
  return families.length === 0 ? ["IPv4"] : families.map((family) => (family === "IPv6" ? "IPv6" : "IPv4"));
}

const endpointKey = (endpoint: DeepReadonly<Endpoint>): string => endpoint.targetRef?.uid ?? endpoint.addresses.join();
const groupKey = (addressType: string, ports: DeepReadonly<readonly EndpointPort[]>): string =>
  `${addressType} ${canonicalJson(ports)}`;
