// Which requests are granted without a person: those by which a node agent gets its own client certificate. After Kubernetes'
// `pkg/controller/certificates/approver/sarapprove.go`.
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import type { DeepReadonly } from "@coxswain/apimachinery";
import type { CertificateRequest } from "@coxswain/pki";

export interface Recognition {
  /** Who may have it without asking is who may create this subresource of certificatesigningrequests. */
  readonly subresource: "selfnodeclient" | "nodeclient";
  readonly message: string;
}

const agentSigner = "kubernetes.io/kube-apiserver-client-kubelet";
const agentUsages = ["key encipherment", "digital signature", "client auth"];

/** In the order in which rights are asked about: first those of a node to renew its own. */
export function recognize(
  { spec }: DeepReadonly<CertificateSigningRequest>,
  request: CertificateRequest,
): readonly Recognition[] {
  if (spec.signerName !== agentSigner || !isForNode(request)) return [];
  const usages = spec.usages ?? [];
  const asIs = usages.every((usage) => agentUsages.includes(usage));
  if (!asIs || !usages.includes("client auth") || !usages.includes("digital signature")) return [];
  const any: Recognition = {
    subresource: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
  };
  if (request.commonName !== spec.username) return [any];
  const self: Recognition = {
    subresource: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
  };
  return [self, any];
}

function isForNode(request: CertificateRequest): boolean {
  const { organizations, dnsNames, ipAddresses, emailAddresses, uris, commonName } = request;
  return (
    organizations.length === 1 &&
    organizations[0] === "system:nodes" &&
    [dnsNames, ipAddresses, emailAddresses, uris].every((names) => names.length === 0) &&
    commonName.startsWith("system:node:")
  );
}
