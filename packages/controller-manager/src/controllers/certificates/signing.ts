// What each of Kubernetes' own signers signs, and for how long. Words and rules after `pkg/controller/certificates/signer` and
// `pkg/apis/certificates`.
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { CertificateRequest, SignedLeaf } from "@coxswain/pki";

type Csr = DeepReadonly<CertificateSigningRequest>;
type Rule = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

const shortestMs = 600_000;

const oids: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  "server auth": "1.3.6.1.5.5.7.3.1",
  "client auth": "1.3.6.1.5.5.7.3.2",
  "code signing": "1.3.6.1.5.5.7.3.3",
  "email protection": "1.3.6.1.5.5.7.3.4",
  "s/mime": "1.3.6.1.5.5.7.3.4",
  "ipsec end system": "1.3.6.1.5.5.7.3.5",
  "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
  "ipsec user": "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  "ocsp signing": "1.3.6.1.5.5.7.3.9",
};

const signers: Readonly<Record<string, Rule>> = {
  "kubernetes.io/kube-apiserver-client": (_request, usages) => usagesWrong(usages, "client auth"),
  "kubernetes.io/kube-apiserver-client-kubelet": (request, usages) =>
    notOfNode(request) ??
    namesWrong(request, ["dnsNames", "ipAddresses", "emailAddresses", "uris"]) ??
    usagesWrong(usages, "client auth"),
  "kubernetes.io/kubelet-serving": (request, usages) =>
    notOfNode(request) ??
    (request.dnsNames.length + request.ipAddresses.length === 0
      ? "at least one DNS or IP subjectAltName is required"
      : undefined) ??
    namesWrong(request, ["emailAddresses", "uris"]) ??
    usagesWrong(usages, "server auth"),
  "kubernetes.io/legacy-unknown": () => undefined,
};

export function isApproved({ status }: Csr): boolean {
  return has(status, "Approved") && !has(status, "Denied");
}

/** Approved, by one of our signers, and neither signed nor given up. */
export function waitsForUs(csr: Csr): boolean {
  const { status, spec } = csr;
  return signers[spec.signerName] !== undefined && isApproved(csr) && !status?.certificate && !has(status, "Failed");
}

/** Why the signer will not sign this; undefined when it will. */
export function signerRefusal({ spec }: Csr, request: CertificateRequest): string | undefined {
  return signers[spec.signerName]?.(request, spec.usages ?? []);
}

/** What to sign. `longestMs` is the cluster's limit; a request may ask for less, down to ten minutes. */
export function leafOf({ spec }: Csr, request: CertificateRequest, longestMs: number): SignedLeaf {
  const usages = spec.usages ?? [];
  const askedMs = spec.expirationSeconds === undefined ? longestMs : spec.expirationSeconds * 1000;
  return {
    request,
    extendedUsages: usages.flatMap((usage) => oids[usage] ?? []),
    enciphersKeys: usages.includes("key encipherment"),
    validityMs: Math.min(longestMs, Math.max(shortestMs, askedMs)),
  };
}

function has(status: Csr["status"], type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status !== "False") ?? false;
}

function notOfNode({ organizations, commonName }: CertificateRequest): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== "system:nodes")
    return "subject organization is not system:nodes";
  return commonName.startsWith("system:node:") ? undefined : "subject common name does not begin with system:node:";
}

const nameWords = {
  dnsNames: "DNS subjectAltNames are not allowed",
  ipAddresses: "IP subjectAltNames are not allowed",
  emailAddresses: "email subjectAltNames are not allowed",
  uris: "URI subjectAltNames are not allowed",
} as const;

function namesWrong(request: CertificateRequest, without: readonly (keyof typeof nameWords)[]): string | undefined {
  const found = without.find((kind) => request[kind].length > 0);
  return found === undefined ? undefined : nameWords[found];
}

function usagesWrong(usages: readonly string[], purpose: string): string | undefined {
  const allowed = ["digital signature", "key encipherment", purpose];
  return usages.includes(purpose) && usages.every((usage) => allowed.includes(usage))
    ? undefined
    : `usages did not match ${JSON.stringify(allowed)}`;
}
