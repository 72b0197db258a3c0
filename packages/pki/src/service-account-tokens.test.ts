import { describe, expect, test } from "vitest";
import { createServiceAccountKey } from "./service-account-key.ts";
import { createTokenSigner, createTokenVerifier, type ServiceAccountClaims } from "./service-account-tokens.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";
const claims: ServiceAccountClaims = {
  iss: issuer,
  sub: "system:serviceaccount:shop:web",
  aud: [issuer],
  exp: 2_000_000_000,
  iat: 1_900_000_000,
  nbf: 1_900_000_000,
  jti: "0d0c5c3e-0000-4000-8000-000000000001",
  "kubernetes.io": {
    namespace: "shop",
    serviceaccount: { name: "web", uid: "u1" },
    pod: { name: "web-1", uid: "p1" },
    node: { name: "n1" },
  },
};
const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("service-account tokens", () => {
  const old = createServiceAccountKey();
  const current = createServiceAccountKey();
  const verifier = createTokenVerifier({ keyPems: [current.publicKey, old.publicKey], issuers: [issuer] });

  test("a token says to the verifier what was signed", async () => {
    const token = await createTokenSigner(current.privateKey).sign(claims);
    expect(await verifier.verify(token)).toEqual({ kind: "valid", claims });
  });

  test("a token in a secret says whose and which secret's it is", async () => {
    const legacy = { namespace: "shop", secretName: "web-token", serviceaccount: { name: "web", uid: "u1" } };
    const token = await createTokenSigner(current.privateKey).signLegacy(legacy);
    expect(await verifier.verify(token)).toEqual({ kind: "legacy", claims: legacy });
  });

  test("a token of the former key is valid as long as its public key is kept", async () => {
    const token = await createTokenSigner(old.privateKey).sign(claims);
    expect((await verifier.verify(token)).kind).toBe("valid");
  });

  test("a tampered token, an unsigned one and one of a stranger's key are invalid", async () => {
    const token = await createTokenSigner(current.privateKey).sign(claims);
    const [header = "", , signature = ""] = token.split(".");
    const tampered = `${header}.${segment({ ...claims, sub: "system:serviceaccount:kube-system:admin" })}.${signature}`;
    const unsigned = `${segment({ alg: "none" })}.${segment(claims)}.`;
    const strange = await createTokenSigner(createServiceAccountKey().privateKey).sign(claims);
    for (const bad of [tampered, unsigned, strange])
      expect(await verifier.verify(bad)).toEqual({ kind: "invalid", because: "invalid signature" });
  });

  test("other issuers' tokens and other texts are foreign", async () => {
    const other = await createTokenSigner(current.privateKey).sign({ ...claims, iss: "https://elsewhere" });
    for (const text of [other, "", "a.b.c", "abcdef.0123456789abcdef"])
      expect(await verifier.verify(text)).toEqual({ kind: "foreign" });
  });
});
