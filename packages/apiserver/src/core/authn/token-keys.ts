// The keys of service-account tokens as they are now.
// Its own door: what certificates are read and made with takes megabytes, and a cluster at rest has none to read.
import { createTokenSigner, createTokenVerifier } from "@coxswain/pki/tokens";
import type { TokenSigner, TokenVerifier } from "@coxswain/pki/tokens";

export interface TokenKeys {
  /** Undefined where no key is known: tokens are then strangers'. */
  readonly verifier: TokenVerifier | undefined;
  /** Undefined where tokens are not made. */
  readonly signer: TokenSigner | undefined;
}

/** What is signed with the signing key is accepted, too. Throws for texts that are no keys. */
export function tokenKeys(
  issuers: readonly string[],
  verificationPems: readonly string[],
  signingPem: string | undefined,
): TokenKeys {
  const keyPems = [...verificationPems, ...(signingPem === undefined ? [] : [signingPem])];
  return {
    verifier: keyPems.length > 0 ? createTokenVerifier({ keyPems, issuers }) : undefined,
    signer: signingPem === undefined ? undefined : createTokenSigner(signingPem),
  };
}
