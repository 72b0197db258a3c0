// Signs and checks service-account tokens: JWTs with the claims that Kubernetes writes. Whether the account, pod or node named in
// a token still exists is not known here, and neither is who may ask for one.
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { compactVerify, CompactSign, decodeJwt, decodeProtectedHeader, errors, exportJWK, type JWK } from "jose";

/** What a token says. Times are whole seconds since the epoch, as in RFC 7519. */
export interface ServiceAccountClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly "kubernetes.io": {
    readonly namespace: string;
    readonly serviceaccount: NameAndUid;
    readonly pod?: NameAndUid;
    readonly secret?: NameAndUid;
    readonly node?: { readonly name: string; readonly uid?: string };
  };
}

/** What a token in a secret says: it has no end and no audience, and is good as long as its secret holds it. */
export interface LegacyClaims {
  readonly namespace: string;
  readonly secretName: string;
  readonly serviceaccount: NameAndUid;
}

export interface NameAndUid {
  readonly name: string;
  readonly uid: string;
}

export interface TokenSigner {
  sign(claims: ServiceAccountClaims): Promise<string>;
  /** A token for a secret of type kubernetes.io/service-account-token. */
  signLegacy(claims: LegacyClaims): Promise<string>;
}

export type TokenCheck =
  | { readonly kind: "valid"; readonly claims: ServiceAccountClaims }
  | { readonly kind: "legacy"; readonly claims: LegacyClaims }
  /** Another issuer's token, or no token at all: somebody else may know it. */
  | { readonly kind: "foreign" }
  | { readonly kind: "invalid"; readonly because: string };

export interface TokenVerifier {
  /** Signature, issuer and shape. `exp` and `nbf` are left to the caller, who has the clock and may have cached this answer. */
  verify(token: string): Promise<TokenCheck>;
  /** The public keys as a JSON Web Key Set, for `/openid/v1/jwks`. */
  jwks(): Promise<{ readonly keys: readonly JWK[] }>;
  /** The signing algorithms of the keys, for the issuer's discovery document. */
  readonly algorithms: readonly string[];
}

const legacyIssuer = "kubernetes/serviceaccount";

/** A signer with one private key (PEM): P-256, P-384, P-521 or RSA. */
export function createTokenSigner(privateKeyPem: string): TokenSigner {
  const key = createPrivateKey(privateKeyPem);
  const header = { alg: algorithmOf(key), kid: keyId(createPublicKey(key)) };
  const sign = (claims: object): Promise<string> =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(claims))).setProtectedHeader(header).sign(key);
  return {
    sign,
    signLegacy: ({ namespace, secretName, serviceaccount: { name, uid } }) =>
      sign({
        iss: legacyIssuer,
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secretName,
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        sub: `system:serviceaccount:${namespace}:${name}`,
      }),
  };
}

/**
 * A verifier for any of several keys (PEM, public or private, several in one text allowed), so that a signing key can be replaced
 * while tokens of the old one live. The first issuer is the current one; tokens of the others are still accepted.
 */
export function createTokenVerifier(config: {
  readonly keyPems: readonly string[];
  readonly issuers: readonly string[];
}): TokenVerifier {
  const keys = new Map<string, KeyObject>();
  for (const pem of config.keyPems.flatMap(pemBlocks)) {
    const key = createPublicKey(pem);
    keys.set(keyId(key), key);
  }
  return { verify, jwks, algorithms: [...new Set([...keys.values()].map(algorithmOf))].toSorted() };

  async function verify(token: string): Promise<TokenCheck> {
    if (!isOurs(token, config.issuers)) return { kind: "foreign" };
    const { kid } = decodeProtectedHeader(token);
    const candidates = kid === undefined ? [...keys.values()] : [keys.get(kid)].filter((key) => key !== undefined);
    for (const key of candidates) {
      try {
        const { payload } = await compactVerify(token, key, { algorithms: [algorithmOf(key)] });
        return parse(payload) ?? { kind: "invalid", because: "service account token has unexpected claims" };
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
      }
    }
    return { kind: "invalid", because: "invalid signature" };
  }

  async function jwks(): Promise<{ keys: JWK[] }> {
    return {
      keys: await Promise.all(
        [...keys].map(async ([kid, key]) => ({ use: "sig", ...(await exportJWK(key)), kid, alg: algorithmOf(key) })),
      ),
    };
  }
}

function isOurs(token: string, issuers: readonly string[]): boolean {
  try {
    const { iss } = decodeJwt(token);
    return iss !== undefined && (iss === legacyIssuer || issuers.includes(iss));
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

function parse(payload: Uint8Array): TokenCheck | undefined {
  const said: unknown = JSON.parse(new TextDecoder().decode(payload));
  if (!isRecord(said)) return undefined;
  if (said.iss === legacyIssuer) {
    const claims = parseLegacy(said);
    return claims && { kind: "legacy", claims };
  }
  const claims = parseClaims(said);
  return claims && { kind: "valid", claims };
}

function parseLegacy(claims: Record<string, unknown>): LegacyClaims | undefined {
  const text = (name: string): string => String(claims[`kubernetes.io/serviceaccount/${name}`] ?? "");
  const [namespace, secretName] = [text("namespace"), text("secret.name")];
  const serviceaccount = { name: text("service-account.name"), uid: text("service-account.uid") };
  const isWhole = [namespace, secretName, serviceaccount.name, serviceaccount.uid].every((value) => value !== "");
  return isWhole && claims.sub === `system:serviceaccount:${namespace}:${serviceaccount.name}`
    ? { namespace, secretName, serviceaccount }
    : undefined;
}

function parseClaims(claims: Record<string, unknown>): ServiceAccountClaims | undefined {
  const { aud, exp, iat, nbf, iss, jti, sub } = claims;
  const bound = claims["kubernetes.io"];
  if (!isRecord(bound) || typeof bound.namespace !== "string") return undefined;
  const account = nameAndUid(bound.serviceaccount);
  if (account === undefined || sub !== `system:serviceaccount:${bound.namespace}:${account.name}`) return undefined;
  const audiences = typeof aud === "string" ? [aud] : aud;
  if (!Array.isArray(audiences) || !audiences.every((value) => typeof value === "string")) return undefined;
  if (typeof exp !== "number" || typeof iss !== "string") return undefined;
  const pod = nameAndUid(bound.pod);
  const secret = nameAndUid(bound.secret);
  const node = isRecord(bound.node) && typeof bound.node.name === "string" ? bound.node : undefined;
  return {
    iss,
    sub,
    aud: audiences,
    exp,
    iat: typeof iat === "number" ? iat : 0,
    nbf: typeof nbf === "number" ? nbf : 0,
    jti: typeof jti === "string" ? jti : "",
    "kubernetes.io": {
      namespace: bound.namespace,
      serviceaccount: account,
      ...(pod === undefined ? {} : { pod }),
      ...(secret === undefined ? {} : { secret }),
      ...(node === undefined
        ? {}
        : { node: { name: String(node.name), ...(typeof node.uid === "string" ? { uid: node.uid } : {}) } }),
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameAndUid(value: unknown): NameAndUid | undefined {
  return isRecord(value) && typeof value.name === "string" && typeof value.uid === "string"
    ? { name: value.name, uid: value.uid }
    : undefined;
}

/** Kubernetes' key id: the hash of the public key's DER form. */
function keyId(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64url");
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case "prime256v1":
      return "ES256";
    case "secp384r1":
      return "ES384";
    case "secp521r1":
      return "ES512";
    default:
      throw new Error(
        `service-account keys must be RSA, P-256, P-384 or P-521, found ${key.asymmetricKeyType ?? "an unknown key"}`,
      );
  }
}

function pemBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g) ?? [];
}
