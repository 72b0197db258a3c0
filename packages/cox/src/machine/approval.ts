// Which certificate requests of machines a master's keeper grants: a node's serving certificate for its own name and an address that is no
// other node's, and the client certificates of its proxy and DNS server. Those of node agents are the controller manager's. Pure but for the end.
import type { Client } from "@coxswain/client";
import { parseCertificateRequest } from "@coxswain/pki";
import type { CertificateRequest } from "@coxswain/pki";
import { list, paths, send } from "./api.ts";
import type { PlainObject } from "./api.ts";

export interface PendingRequest extends PlainObject {
  readonly spec: {
    readonly request: string;
    readonly signerName: string;
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly usages?: readonly string[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string }[]; readonly certificate?: string };
}

/** Name and internal addresses of a node. */
export interface KnownNode {
  readonly name: string;
  readonly addresses: readonly string[];
}

const nodeClients: readonly string[] = ["system:kube-proxy", "system:coredns"];

/** Why it is granted; undefined leaves it to a person. */
export function grantFor(
  { spec }: PendingRequest,
  request: CertificateRequest,
  nodes: readonly KnownNode[],
): string | undefined {
  const usages = spec.usages ?? [];
  const node = /^system:node:(.+)$/.exec(spec.username ?? "")?.[1];
  if (node === undefined || !spec.groups?.includes("system:nodes")) return undefined;
  const allow = (...allowed: readonly string[]): boolean => usages.every((usage) => allowed.includes(usage));
  const plain = request.emailAddresses.length + request.uris.length === 0;
  if (spec.signerName === "kubernetes.io/kubelet-serving") {
    const own = request.commonName === spec.username && request.organizations.join() === "system:nodes";
    const names = request.dnsNames.every((name) => name === node);
    const free = request.ipAddresses.every(
      (ip) => !nodes.some(({ name, addresses }) => name !== node && addresses.includes(ip)),
    );
    const granted = own && names && free && plain && allow("digital signature", "key encipherment", "server auth");
    return granted ? `node ${node} asks for its own serving certificate` : undefined;
  }
  if (spec.signerName === "kubernetes.io/kube-apiserver-client") {
    const nameless = plain && request.dnsNames.length + request.ipAddresses.length + request.organizations.length === 0;
    const granted =
      nodeClients.includes(request.commonName) &&
      nameless &&
      allow("digital signature", "key encipherment", "client auth");
    return granted ? `node ${node} asks for its ${request.commonName}` : undefined;
  }
  return undefined;
}

/** Looks through all requests once. */
export async function approvePending(
  client: Client,
  requests: readonly PendingRequest[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const pending = requests.filter(({ status }) => !status?.certificate && (status?.conditions ?? []).length === 0);
  if (pending.length === 0) return [];
  const nodes = (await list(client, paths.nodes, signal)).map((object): KnownNode => {
    const { status } = object as { status?: { addresses?: { type: string; address: string }[] } };
    return {
      name: object.metadata.name ?? "",
      addresses: (status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address),
    };
  });
  const granted: string[] = [];
  for (const csr of pending) {
    let request: CertificateRequest;
    try {
      request = parseCertificateRequest(Buffer.from(csr.spec.request, "base64").toString());
    } catch {
      continue; // Not ours to judge: the signer refuses it with its own words.
    }
    const because = grantFor(csr, request, nodes);
    if (because === undefined) continue;
    const condition = { type: "Approved", status: "True", reason: "CoxswainKeeper", message: because };
    const body = { ...csr, status: { ...csr.status, conditions: [condition] } };
    await send(client, "PUT", `${paths.requests}/${csr.metadata.name}/approval`, body, signal);
    granted.push(because);
  }
  return granted;
}
