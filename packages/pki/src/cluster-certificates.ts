// Which certificates a cluster has: one list, made and renewed the same way everywhere. It writes no files.
import type { LeafRequest } from "./authority.ts";

const dayMs = 24 * 3_600_000;
/** Lifetimes as Kubernetes' own installer has them: authorities ten years, leaves one. */
export const authorityValidityMs: number = 3650 * dayMs;
export const leafValidityMs: number = 365 * dayMs;

/**
 * The authorities: one for the API's clients and servers, one for the store alone, so that only the apiserver can talk to it, and one for
 * who passes requests on in somebody else's name: no other certificate may do so.
 */
export const authorityNames = ["kubernetes-ca", "etcd-ca", "front-proxy-ca"] as const;
export type AuthorityName = (typeof authorityNames)[number];

/** Who the apiserver is to servers of other groups when it passes a request on. */
export const frontProxyName = "front-proxy-client";

export interface PlannedCertificate {
  /** File name without ending. */
  readonly name: string;
  readonly authority: AuthorityName;
  readonly request: LeafRequest;
}

export interface ControlPlaneHost {
  /** Names and addresses under which this host is reached, loopback included. */
  readonly hosts: readonly string[];
  /** First address of the service range: what `kubernetes.default` resolves to. */
  readonly kubernetesServiceAddress: string;
  readonly clusterDomain: string;
}

/** The certificates of a control-plane host, without those of its node. */
export function planControlPlaneCertificates(host: ControlPlaneHost): readonly PlannedCertificate[] {
  const { hosts, kubernetesServiceAddress, clusterDomain } = host;
  const apiNames = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  return [
    server("etcd-server", "etcd-ca", "etcd", hosts),
    server("etcd-peer", "etcd-ca", "etcd-peer", hosts),
    client("apiserver-etcd-client", "etcd-ca", "kube-apiserver-etcd-client"),
    server(
      "apiserver",
      "kubernetes-ca",
      "kube-apiserver",
      [...apiNames, kubernetesServiceAddress, ...hosts],
      ["server"],
    ),
    client("apiserver-kubelet-client", "kubernetes-ca", "kube-apiserver-kubelet-client"),
    client("front-proxy-client", "front-proxy-ca", frontProxyName),
    client("admin", "kubernetes-ca", "kubernetes-admin", ["system:masters"]),
    server("scheduler", "kubernetes-ca", "system:kube-scheduler", hosts),
    server("controller-manager", "kubernetes-ca", "system:kube-controller-manager", hosts),
  ];
}

/** The certificates of a node: its agent, its proxy and its DNS server. */
export function planNodeCertificates(nodeName: string, hosts: readonly string[]): readonly PlannedCertificate[] {
  return [
    server(
      "node-agent",
      "kubernetes-ca",
      `system:node:${nodeName}`,
      [nodeName, ...hosts],
      ["client", "server"],
      ["system:nodes"],
    ),
    server("proxy", "kubernetes-ca", "system:kube-proxy", [nodeName, ...hosts]),
    server("dns", "kubernetes-ca", "system:coredns", [nodeName, ...hosts]),
  ];
}

function server(
  name: string,
  authority: AuthorityName,
  commonName: string,
  hosts: readonly string[],
  usages: LeafRequest["usages"] = ["client", "server"],
  organizations: readonly string[] = [],
): PlannedCertificate {
  return {
    name,
    authority,
    request: { commonName, organizations, hosts: [...new Set(hosts)], usages, validityMs: leafValidityMs },
  };
}

function client(
  name: string,
  authority: AuthorityName,
  commonName: string,
  organizations: readonly string[] = [],
): PlannedCertificate {
  return { name, authority, request: { commonName, organizations, usages: ["client"], validityMs: leafValidityMs } };
}
