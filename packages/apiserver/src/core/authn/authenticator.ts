// Who is asking: whom a proxy speaks for, else the client certificate's subject, else the bearer token's owner, else `system:anonymous`. Kubernetes' order: the
// first that knows the caller wins, and a token that nobody knows is an error even where strangers are served.
// The handshake has checked the certificate already; files are read and keys held elsewhere.
import type { Clock } from "@coxswain/clock";
import type { LegacyClaims, ServiceAccountClaims, TokenCheck, TokenVerifier } from "@coxswain/pki";
import { LRUCache } from "lru-cache";
import type {
  Authentication,
  Authenticator,
  Credentials,
  ObjectReader,
  RefusedCredential,
  UserInfo,
} from "../request.ts";
import { findBootstrapToken } from "./bootstrap-tokens.ts";
import { brokenBinding } from "./bound-objects.ts";
import { anonymous, serviceAccountGroups, serviceAccountUsername, withAuthenticated } from "./groups.ts";
import { brokenSecret } from "./legacy-tokens.ts";
import { findStaticToken, type StaticToken } from "./static-tokens.ts";
import { remoteUser } from "./request-header.ts";
import type { RequestHeaderConfig } from "./request-header.ts";
import type { TokenKeys } from "./token-keys.ts";

export interface AuthenticatorConfig {
  readonly anonymousAuth: boolean;
  /** What a token must be meant for to be good for this server (`--api-audiences`). */
  readonly audiences: readonly string[];
  readonly staticTokens: () => readonly StaticToken[];
  /** Whether bootstrap tokens are known (`--enable-bootstrap-token-auth`). */
  readonly bootstrapTokens: boolean;
  /** How proxies name those whom they speak for; left out: nobody may speak for others. */
  readonly requestHeader?: RequestHeaderConfig | undefined;
}

export type TokenAuthentication =
  | { readonly kind: "user"; readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly kind: "unknown"; readonly because: string };

export interface TokenAuthenticator extends Authenticator {
  /** For TokenReview: the user without `system:authenticated`'s help, and which of the wanted audiences the token is for. */
  authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAuthentication>;
}

/** Verified signatures are kept this many at a time; beyond, the least used is checked anew. */
const rememberedTokens = 10_000;
/** As long as Kubernetes remembers that a token was good. */
const legacyCacheMs = 10_000;

export function createAuthenticator(
  config: AuthenticatorConfig,
  ports: { readonly keys: () => TokenKeys; readonly reader: ObjectReader; readonly clock: Clock },
): TokenAuthenticator {
  const verified = new LRUCache<string, Verified>({ max: rememberedTokens });
  /** Until when tokens of secrets are believed without a look at the secret. */
  const standing = new LRUCache<string, number>({ max: rememberedTokens });
  return { authenticate, authenticateToken };

  async function authenticate({
    certificate,
    certificateRejected = false,
    bearerToken,
    proxy,
  }: Credentials): Promise<Authentication> {
    const proxied = proxy && proxiedUser(proxy);
    if (proxied) return { kind: "user", user: withAuthenticated(proxied) };
    if (certificate !== undefined && certificate.commonName !== "") {
      const nowMs = ports.clock.now();
      if (nowMs < certificate.validFromMs || nowMs > certificate.validToMs)
        return refused("certificate", "the client certificate has expired");
      return {
        kind: "user",
        user: withAuthenticated({ username: certificate.commonName, groups: certificate.organizations }),
      };
    }
    if (bearerToken !== undefined) {
      const found = await authenticateToken(bearerToken, config.audiences);
      return found.kind === "user" ? { kind: "user", user: found.user } : refused("token", found.because);
    }
    // Whoever shows something must not be served as if they had shown nothing.
    if (certificateRejected) return refused("certificate", "the client certificate is not valid here");
    return config.anonymousAuth ? { kind: "user", user: anonymous } : refused("nothing", "no credentials");
  }

  /** A proxy that is not believed, or names nobody, is judged by what else it shows. */
  function proxiedUser({ certificate, headersOf }: NonNullable<Credentials["proxy"]>): UserInfo | undefined {
    if (config.requestHeader === undefined) return undefined;
    const { allowedNames } = config.requestHeader;
    const nowMs = ports.clock.now();
    if (nowMs < certificate.validFromMs || nowMs > certificate.validToMs) return undefined;
    if (allowedNames.length > 0 && !allowedNames.includes(certificate.commonName)) return undefined;
    return remoteUser(config.requestHeader, headersOf);
  }

  /** Of tokens that name no audience: they are meant for this server. */
  function forThisServer(user: UserInfo, wanted: readonly string[]): TokenAuthentication {
    const audiences = wanted.filter((audience) => config.audiences.includes(audience));
    if (audiences.length === 0) return { kind: "unknown", because: "invalid bearer token" };
    return { kind: "user", user: withAuthenticated(user), audiences };
  }

  async function authenticateToken(token: string, audiences: readonly string[]): Promise<TokenAuthentication> {
    const named = findStaticToken(config.staticTokens(), token);
    if (named !== undefined) return forThisServer(named, audiences);
    const nowMs = ports.clock.now();
    if (config.bootstrapTokens) {
      const joining = await findBootstrapToken(token, ports.reader, nowMs);
      if (joining !== undefined) return forThisServer(joining, audiences);
    }
    const checked = await verifiedClaims(token);
    if (typeof checked === "string") return { kind: "unknown", because: checked };
    if (checked.kind === "legacy") return authenticateLegacy(token, checked.claims, audiences, nowMs);
    const { claims } = checked;
    if (claims.exp * 1000 <= nowMs) {
      verified.delete(token);
      return { kind: "unknown", because: "service account token has expired" };
    }
    if (claims.nbf * 1000 > nowMs) return { kind: "unknown", because: "service account token is not valid yet" };
    const common = audiences.filter((audience) => claims.aud.includes(audience));
    if (common.length === 0) {
      return {
        kind: "unknown",
        because: `token audiences ${goList(claims.aud)} is invalid for the target audiences ${goList(audiences)}`,
      };
    }
    const broken = await brokenBinding(claims, ports.reader, nowMs);
    if (broken !== undefined) return { kind: "unknown", because: broken };
    return { kind: "user", user: withAuthenticated(userOf(claims)), audiences: common };
  }

  /** What a secret holds is asked for at most every few seconds per token. */
  async function authenticateLegacy(
    token: string,
    claims: LegacyClaims,
    audiences: readonly string[],
    nowMs: number,
  ): Promise<TokenAuthentication> {
    const { namespace, serviceaccount } = claims;
    const common = audiences.filter((audience) => config.audiences.includes(audience));
    if (common.length === 0) return { kind: "unknown", because: "invalid bearer token" };
    if ((standing.get(token) ?? 0) < nowMs) {
      const broken = await brokenSecret(token, claims, ports.reader);
      if (broken !== undefined) {
        standing.delete(token);
        return { kind: "unknown", because: broken };
      }
      standing.set(token, nowMs + legacyCacheMs);
    }
    const user: UserInfo = {
      username: serviceAccountUsername(namespace, serviceaccount.name),
      uid: serviceaccount.uid,
      groups: serviceAccountGroups(namespace),
    };
    return { kind: "user", user: withAuthenticated(user), audiences: common };
  }

  async function verifiedClaims(token: string): Promise<Checked | string> {
    const { verifier } = ports.keys();
    const known = verified.get(token);
    if (known !== undefined && known.by === verifier) return known.checked;
    const checked = await verifier?.verify(token);
    if (verifier === undefined || checked === undefined || checked.kind === "foreign") return "invalid bearer token";
    if (checked.kind === "invalid") return checked.because;
    verified.set(token, { checked, by: verifier });
    return checked;
  }
}

type Checked = Extract<TokenCheck, { readonly claims: unknown }>;

/** A signature that was found good, and by which keys: with others it has to be checked again. */
interface Verified {
  readonly checked: Checked;
  readonly by: TokenVerifier;
}

function refused(what: RefusedCredential, because: string): Authentication {
  return { kind: "unauthorized", what, because };
}

/** The account as a user; what the token is bound to is kept in `extra` under Kubernetes' keys. */
function userOf(claims: ServiceAccountClaims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims["kubernetes.io"];
  const extra: Record<string, readonly string[]> = {};
  if (claims.jti !== "") extra["authentication.kubernetes.io/credential-id"] = [`JTI=${claims.jti}`];
  if (pod !== undefined) {
    extra["authentication.kubernetes.io/pod-name"] = [pod.name];
    extra["authentication.kubernetes.io/pod-uid"] = [pod.uid];
  }
  if (node !== undefined) {
    extra["authentication.kubernetes.io/node-name"] = [node.name];
    if (node.uid !== undefined) extra["authentication.kubernetes.io/node-uid"] = [node.uid];
  }
  return { username: claims.sub, uid: serviceaccount.uid, groups: serviceAccountGroups(namespace), extra };
}

function goList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
