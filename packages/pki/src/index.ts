export { createAuthority, openAuthority } from "./authority.ts";
export type { Authority, KeyPair, LeafRequest, SignedLeaf, Subject } from "./authority.ts";
export {
  authorityNames,
  authorityValidityMs,
  frontProxyName,
  leafValidityMs,
  planControlPlaneCertificates,
  planNodeCertificates,
} from "./cluster-certificates.ts";
export type { AuthorityName, ControlPlaneHost, PlannedCertificate } from "./cluster-certificates.ts";
export { parseCertificateRequest } from "./certificate-request.ts";
export type { CertificateRequest } from "./certificate-request.ts";
export { createCertificateRequest } from "./new-request.ts";
export type { NewRequest } from "./new-request.ts";
export { createServiceAccountKey } from "./service-account-key.ts";
export { createTokenSigner, createTokenVerifier } from "./service-account-tokens.ts";
export type {
  LegacyClaims,
  NameAndUid,
  ServiceAccountClaims,
  TokenCheck,
  TokenSigner,
  TokenVerifier,
} from "./service-account-tokens.ts";
