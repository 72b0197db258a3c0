// Whether a pod that is to end may be told so: not before the proxies of all nodes have stopped sending it new connections.
// The API shows both halves: EndpointSlices say which endpoints leave, and each proxy's lease says up to which revision of
// endpoints its rules are in force. It looks; it does not remember.
import type { Lease } from "@coxswain/api/coordination/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { EndpointSlice } from "@coxswain/api/discovery/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";

/** A proxy's lease, made by `packages/proxy/src/io/acknowledgement.ts`: daemons meet on the wire only. */
export const proxyLeases = { namespace: "kube-node-lease", labelSelector: "coxswain.io/component=proxy" } as const;
const revisionAnnotation = "coxswain.io/endpoints-programmed";

export type Departure =
  /** No service leads to the pod. */
  | { readonly state: "no-endpoint" }
  /** The slices do not say yet that the pod leaves. */
  | { readonly state: "not-told" }
  /** They do since this revision. */
  | { readonly state: "told"; readonly revision: number };

/** `slices` are those of the pod's namespace. */
export function departureOf(pod: Pod, slices: readonly DeepReadonly<EndpointSlice>[]): Departure {
  const uid = pod.metadata?.uid;
  const leading = slices
    .filter(isProxied)
    .map((slice) => ({ slice, endpoint: slice.endpoints?.find(({ targetRef }) => targetRef?.uid === uid) }))
    .filter(({ endpoint }) => endpoint !== undefined);
  if (leading.length === 0) return { state: "no-endpoint" };
  const stays = leading.some(
    ({ endpoint }) => endpoint?.conditions?.terminating !== true && endpoint?.conditions?.ready !== false,
  );
  if (stays) return { state: "not-told" };
  return { state: "told", revision: Math.max(...leading.map(({ slice }) => Number(slice.metadata.resourceVersion))) };
}

/** The nodes whose proxies are alive and have not put this revision into force. */
export function proxiesBehind(leases: readonly DeepReadonly<Lease>[], revision: number, nowMs: number): string[] {
  return leases
    .filter(
      ({ metadata, spec }) =>
        nowMs - Date.parse(spec?.renewTime ?? "") < (spec?.leaseDurationSeconds ?? 0) * 1000 &&
        Number(metadata.annotations?.[revisionAnnotation] ?? 0) < revision,
    )
    .map(({ metadata, spec }) => spec?.holderIdentity ?? metadata.name ?? "");
}

/** Services without an address, and those of other proxies, are not in our proxies' rules. */
function isProxied({ metadata: { labels } }: DeepReadonly<EndpointSlice>): boolean {
  return (
    labels?.["kubernetes.io/service-name"] !== undefined &&
    labels["service.kubernetes.io/headless"] === undefined &&
    labels["service.kubernetes.io/service-proxy-name"] === undefined
  );
}
