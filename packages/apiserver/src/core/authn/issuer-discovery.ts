// The issuer's documents by which others check our tokens: `/.well-known/openid-configuration` and `/openid/v1/jwks`.
import type { TokenVerifier } from "@coxswain/pki";

export const openIdConfigurationPath = "/.well-known/openid-configuration";
export const jwksPath = "/openid/v1/jwks";

/** As Kubernetes answers: only what relying parties need to verify a token. */
export function openIdConfiguration(issuer: string, externalHost: string, verifier: TokenVerifier): object {
  return {
    issuer,
    jwks_uri: `https://${externalHost}${jwksPath}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: verifier.algorithms,
  };
}
