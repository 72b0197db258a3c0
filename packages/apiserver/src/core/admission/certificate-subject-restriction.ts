// Nobody gets a client certificate of the group that may do everything by asking for one. Kubernetes' CertificateSubjectRestriction.
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import type { AdmissionPlugin } from "../request.ts";
import { concerns, refusal } from "./refusal.ts";

const signer = "kubernetes.io/kube-apiserver-client";
const group = "system:masters";

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  handles: (attributes) => concerns(attributes, "certificates.k8s.io", "certificatesigningrequests", "CREATE"),
  async validate(attributes) {
    const { spec } = attributes.object as CertificateSigningRequest;
    if (spec.signerName !== signer) return;
    // Requests are rare, and what reads them takes megabytes.
    const { parseCertificateRequest } = await import("@coxswain/pki");
    let organizations: readonly string[];
    try {
      ({ organizations } = parseCertificateRequest(atob(spec.request ?? "")));
    } catch (error) {
      throw refusal(attributes, `failed to parse CSR: ${(error as Error).message}`);
    }
    if (organizations.includes(group))
      throw refusal(attributes, `use of ${signer} signer with ${group} group is not allowed`);
  },
};
