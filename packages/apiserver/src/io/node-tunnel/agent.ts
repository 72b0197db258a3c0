// Where a node's agent listens: the address and port that the node reports. As the kubelet client's `GetConnectionInfo`.
import { StatusError, statuses } from "@coxswain/apimachinery";
import type { Node } from "@coxswain/api/core/v1";

export interface AgentTls {
  readonly cert: string | Buffer | undefined;
  readonly key: string | Buffer | undefined;
  /** Who signs agents' serving certificates. Undefined: they are not verified, as kube-apiserver without the flag. */
  readonly ca: string | Buffer | undefined;
}

const defaultPort = 10250;
/** `--kubelet-preferred-address-types`, Kubernetes' default order with addresses that need no resolver first. */
const preferred = ["InternalIP", "Hostname", "InternalDNS", "ExternalDNS", "ExternalIP"];

export interface Agent {
  readonly host: string;
  readonly port: number;
  readonly tls: AgentTls;
}

export function agentOf(node: Node, tls: AgentTls): Agent {
  const addresses = node.status?.addresses ?? [];
  const address = preferred
    .map((type) => addresses.find((candidate) => candidate.type === type))
    .find((candidate) => candidate !== undefined);
  if (address === undefined)
    throw new StatusError(statuses.internalError(`no preferred addresses found; known addresses: []`));
  return { host: address.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultPort, tls };
}
