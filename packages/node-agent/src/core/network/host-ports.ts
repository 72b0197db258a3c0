// Ports of the machine that lead to a pod's containers. Pods on the machine's own network need none.
import type { Pod } from "@coxswain/api/core/v1";
import type { Protocol } from "@coxswain/netfilter";
import { allContainersOf } from "../pod/lifecycle.ts";

export interface HostPort {
  readonly protocol: Protocol;
  /** "" for every address of the machine. */
  readonly hostIP: string;
  readonly hostPort: number;
  readonly podIP: string;
  readonly containerPort: number;
}

export function hostPortsOf(pod: Pod, podIP: string | undefined): readonly HostPort[] {
  if (podIP === undefined || pod.spec?.hostNetwork === true) return [];
  return allContainersOf(pod).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, hostIP = "", containerPort, protocol = "TCP" }) => {
      if (hostPort === 0) return [];
      const everywhere = hostIP === "0.0.0.0" || hostIP === "::";
      return [{ protocol: protocolOf(protocol), hostIP: everywhere ? "" : hostIP, hostPort, podIP, containerPort }];
    }),
  );
}

function protocolOf(name: string): Protocol {
  return name === "UDP" ? "udp" : name === "SCTP" ? "sctp" : "tcp";
}
