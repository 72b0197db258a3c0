// Ports of the machine that lead to a pod's containers. Pods on the machine's own network need none.
import type { Pod } from "@coxswain/api/core/v1";
import type { Protocol } from "@coxswain/netfilter";
import { allContainersOf } from "../pod/lifecycle.ts";
import { parseIPv4 } from "./ipam.ts";

export interface HostPort {
  readonly protocol: Protocol;
  /** "" for every address of the machine. */
  readonly hostIP: string;
  readonly hostPort: number;
  readonly podIP: string;
  readonly containerPort: number;
}

/** Those of the pod. An address that the machine cannot have, which the API does not check, leads nowhere. */
export function hostPortsOf(pod: Pod, podIP: string | undefined): readonly HostPort[] {
  if (podIP === undefined || pod.spec?.hostNetwork === true) return [];
  return allContainersOf(pod).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, hostIP = "", containerPort, protocol = "TCP" }) => {
      const everywhere = ["", "0.0.0.0", "::"].includes(hostIP);
      if (hostPort === 0 || (!everywhere && parseIPv4(hostIP) === undefined)) return [];
      return [{ protocol: protocolOf(protocol), hostIP: everywhere ? "" : hostIP, hostPort, podIP, containerPort }];
    }),
  );
}

function protocolOf(name: string): Protocol {
  return name === "UDP" ? "udp" : name === "SCTP" ? "sctp" : "tcp";
}
