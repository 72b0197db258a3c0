// The keys of service-account tokens as they are now.
import { createTokenSigner, createTokenVerifier } from "@coxswain/pki";
import type { TokenSigner, TokenVerifier } from "@coxswain/pki";

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
