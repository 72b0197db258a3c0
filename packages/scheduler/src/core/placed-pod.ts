// A pod on a node, with what the rules ask about it again and again: what it takes, its ports, its priority, its terms.
import { objectKey } from "@coxswain/apimachinery";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { Container } from "@coxswain/api/core/v1";
import { affinityTerms, hasTerms } from "./affinity-terms.ts";
import type { AffinityTerms } from "./affinity-terms.ts";
import { podRequests, podRequestsForScoring } from "./resources.ts";
import type { Amounts, PodView } from "./resources.ts";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PlacedPod {
  /** "namespace/name". */
  readonly key: string;
  readonly pod: PodView;
  readonly requests: Amounts;
  readonly scoringRequests: Amounts;
  readonly ports: readonly HostPort[];
  readonly priority: number;
  /** Undefined: it wants nothing of other pods. */
  readonly terms: AffinityTerms | undefined;
}

const noPorts: readonly HostPort[] = [];

export function placedPod(pod: PodView): PlacedPod {
  return {
    key: objectKey(pod),
    pod,
    requests: podRequests(pod),
    scoringRequests: podRequestsForScoring(pod),
    ports: hostPorts(pod),
    priority: priorityOf(pod),
    terms: hasTerms(pod) ? affinityTerms(pod) : undefined,
  };
}

export function priorityOf(pod: PodView): number {
  return pod.spec?.priority ?? 0;
}

/** A pod that is going away; Kubernetes does not count it where groups are counted. */
export function isTerminating(pod: PodView): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** The ports of the host that a pod's containers and sidecars want. */
export function hostPorts(pod: PodView): readonly HostPort[] {
  let ports: HostPort[] | undefined;
  const collect = (container: DeepReadonly<Container>): void => {
    for (const { hostPort = 0, hostIP = "", protocol = "TCP" } of container.ports ?? [])
      if (hostPort > 0) (ports ??= []).push({ port: hostPort, protocol, ip: hostIP === "" ? "0.0.0.0" : hostIP });
  };
  for (const container of pod.spec?.containers ?? []) collect(container);
  for (const container of pod.spec?.initContainers ?? []) if (container.restartPolicy === "Always") collect(container);
  return ports ?? noPorts;
}
