// Who may approve and sign certificate requests: a permission per signer, beside the one for the subresource. Kubernetes'
// CertificateApproval and CertificateSigning.
import type { CertificateSigningRequest } from "@coxswain/api/certificates/v1";
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from "../request.ts";
import { refusal } from "./refusal.ts";

const group = "certificates.k8s.io";

export function createCertificatePlugins(authorizer: Authorizer): readonly AdmissionPlugin[] {
  return [plugin("CertificateApproval", "approval", "approve"), plugin("CertificateSigning", "status", "sign")];

  function plugin(name: string, subresource: string, verb: "approve" | "sign"): AdmissionPlugin {
    return {
      name,
      handles: (attributes) =>
        attributes.operation === "UPDATE" &&
        attributes.resource.group === group &&
        attributes.resource.resource === "certificatesigningrequests" &&
        attributes.subresource === subresource,
      validate(attributes) {
        const before = attributes.oldObject as CertificateSigningRequest;
        const after = attributes.object as CertificateSigningRequest;
        if (verb === "sign" && before.status?.certificate === after.status?.certificate) return;
        const signer = before.spec.signerName;
        if (mayUseSigner(attributes, verb, signer)) return;
        const doing = verb === "sign" ? "sign" : "approve";
        throw refusal(attributes, `user not permitted to ${doing} requests with signerName ${JSON.stringify(signer)}`);
      },
    };
  }

  function mayUseSigner({ user }: AdmissionAttributes, verb: string, signer: string): boolean {
    const wholeDomain = `${signer.split("/")[0] ?? ""}/*`;
    return [signer, wholeDomain].some(
      (name) =>
        authorizer.authorize({
          kind: "resource",
          user,
          verb,
          group,
          version: "*",
          resource: "signers",
          subresource: "",
          namespace: "",
          name,
        }).decision === "allow",
    );
  }
}
