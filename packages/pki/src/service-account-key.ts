// The key pair that signs service-account tokens. Signing and checking tokens is `service-account-tokens.ts`.
import { generateKeyPairSync } from "node:crypto";

/** A fresh P-256 pair as PEM texts (PKCS #8 and SPKI). */
export function createServiceAccountKey(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
}
