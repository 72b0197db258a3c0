// TokenReview ("whose token is this?"), SelfSubjectReview ("who am I?", `kubectl auth whoami`) and `serviceaccounts/token`, which
// makes tokens. Nothing is stored.
import {
  type ApiObject,
  type FieldError,
  fieldErrors,
  parseApiVersion,
  StatusError,
  statuses,
} from "@coxswain/apimachinery";
import { rfc3339, type Clock, type Random } from "@coxswain/clock";
import type { NameAndUid, ServiceAccountClaims } from "@coxswain/pki";
import type { TokenKeys } from "../authn/token-keys.ts";
import type {
  SelfSubjectReview,
  TokenRequest,
  TokenReview,
  UserInfo as UserInfoObject,
} from "@coxswain/api/authentication/v1";
import type { Pod } from "@coxswain/api/core/v1";
import type { TokenAuthenticator } from "../authn/authenticator.ts";
import { serviceAccountUsername } from "../authn/groups.ts";
import type { ObjectReader, Review, UserInfo } from "../request.ts";

const group = "authentication.k8s.io";
const shortestSeconds = 600;
const defaultSeconds = 3600;

export interface IdentityReviewConfig {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Longer requests get this much (`--service-account-max-token-expiration`); 0 is no limit. */
  readonly maxExpirationSeconds: number;
}

export interface IdentityReviewPorts {
  readonly authenticator: TokenAuthenticator;
  /** Undefined where no signing key is configured: then no tokens are made. */
  readonly keys: () => Pick<TokenKeys, "signer">;
  readonly clock: Clock;
  readonly random: Random;
}

/** The three by their key in the registry. */
export function identityReviews(config: IdentityReviewConfig, ports: IdentityReviewPorts): ReadonlyMap<string, Review> {
  return new Map<string, Review>([
    [`${group}/tokenreviews`, (object) => tokenReview(object as TokenReview)],
    [`${group}/selfsubjectreviews`, (object, { user }) => selfReview(object as SelfSubjectReview, user)],
    [
      "/serviceaccounts/token",
      (object, { namespace, name, reader }) => tokenRequest(object as TokenRequest, namespace, name, reader),
    ],
  ]);

  async function tokenReview(review: TokenReview): Promise<ApiObject> {
    const { token, audiences } = review.spec;
    if (token === undefined || token === "")
      throw new StatusError(statuses.badRequest("token is required for TokenReview in authentication"));
    const wanted = audiences === undefined || audiences.length === 0 ? config.audiences : audiences;
    const found = await ports.authenticator.authenticateToken(token, wanted);
    // The token itself is not sent back.
    const spec = { ...review.spec, token: "" };
    if (found.kind === "unknown") return { ...review, spec, status: { user: {}, error: found.because } } as TokenReview;
    return {
      ...review,
      spec,
      status: { authenticated: true, user: userInfo(found.user), audiences: [...found.audiences] },
    } as TokenReview;
  }

  async function selfReview(review: SelfSubjectReview, user: UserInfo): Promise<ApiObject> {
    const metadata = { ...review.metadata, creationTimestamp: rfc3339(ports.clock.now()) };
    return { ...review, metadata, status: { userInfo: userInfo(user) } } as SelfSubjectReview;
  }

  async function tokenRequest(
    request: TokenRequest,
    namespace: string,
    name: string,
    reader: ObjectReader,
  ): Promise<ApiObject> {
    const { signer } = ports.keys();
    if (signer === undefined) throw new StatusError(statuses.pathNotFound());
    const account = await reader.read({ group: "", resource: "serviceaccounts" }, namespace, name);
    if (account === undefined)
      throw new StatusError(statuses.notFound({ group: "", resource: "serviceaccounts" }, name));
    const wantedSeconds = request.spec?.expirationSeconds ?? defaultSeconds;
    const audiences = request.spec?.audiences ?? [];
    const errors = expirationErrors(wantedSeconds);
    if (errors.length > 0) throw new StatusError(statuses.invalid({ group, kind: "TokenRequest" }, name, errors));
    const seconds =
      config.maxExpirationSeconds > 0 ? Math.min(wantedSeconds, config.maxExpirationSeconds) : wantedSeconds;
    const bound = await boundTo(request, namespace, name, reader);
    const issuedAt = Math.floor(ports.clock.now() / 1000);
    const aud = audiences.length === 0 ? [...config.audiences] : audiences;
    const claims: ServiceAccountClaims = {
      aud,
      exp: issuedAt + seconds,
      iat: issuedAt,
      iss: config.issuer,
      jti: ports.random.uuid(),
      "kubernetes.io": { namespace, ...bound, serviceaccount: { name, uid: account.metadata.uid ?? "" } },
      nbf: issuedAt,
      sub: serviceAccountUsername(namespace, name),
    };
    const token = await signer.sign(claims);
    return {
      ...request,
      metadata: { ...request.metadata, name, namespace, creationTimestamp: rfc3339(issuedAt * 1000) },
      spec: { ...request.spec, audiences: aud, expirationSeconds: seconds },
      status: { token, expirationTimestamp: rfc3339(claims.exp * 1000) },
    } as TokenRequest;
  }
}

type Binding = Partial<Pick<ServiceAccountClaims["kubernetes.io"], "pod" | "secret" | "node">>;

/** Reads what the token shall live and die with, and refuses a pod of another account. */
async function boundTo(
  request: TokenRequest,
  namespace: string,
  account: string,
  reader: ObjectReader,
): Promise<Binding> {
  const ref = request.spec?.boundObjectRef;
  if (ref === undefined || ref === null) return {};
  const name = ref.name ?? "";
  const of = parseApiVersion(ref.apiVersion ?? "") ?? { group: "", version: "" };
  const kind = ref.kind ?? "";
  const read = async (resource: string, where: string): Promise<NameAndUid & { readonly object: ApiObject }> => {
    const object = await reader.read({ group: "", resource }, where, name);
    if (object === undefined) throw new StatusError(statuses.notFound({ group: "", resource }, name));
    return { name, uid: object.metadata.uid ?? "", object };
  };
  const mustBe = (uid: string): void => {
    if (!ref.uid || ref.uid === uid) return;
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw new StatusError(statuses.conflict({ group: of.group, resource: kind }, name, why));
  };
  switch (of.group === "" ? kind : "") {
    case "Pod": {
      const { object, uid } = await read("pods", namespace);
      const { spec } = object as Pod;
      if (spec?.serviceAccountName !== account) {
        throw new StatusError(
          statuses.badRequest(
            `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
          ),
        );
      }
      mustBe(uid);
      const nodeName = spec.nodeName ?? "";
      if (nodeName === "") return { pod: { name, uid } };
      const node =
        reader.view({ group: "", resource: "nodes" }).get("", nodeName) ??
        (await reader.read({ group: "", resource: "nodes" }, "", nodeName));
      const nodeUid = node?.metadata.uid;
      return { pod: { name, uid }, node: { name: nodeName, ...(nodeUid === undefined ? {} : { uid: nodeUid }) } };
    }
    case "Secret": {
      const { uid } = await read("secrets", namespace);
      mustBe(uid);
      return { secret: { name, uid } };
    }
    case "Node": {
      const { uid } = await read("nodes", "");
      mustBe(uid);
      return { node: { name, uid } };
    }
    default:
      throw new StatusError(
        statuses.badRequest(`cannot bind token to object of type ${of.group}/${of.version}, Kind=${kind}`),
      );
  }
}

function expirationErrors(seconds: number): FieldError[] {
  const field = "spec.expirationSeconds";
  if (seconds < shortestSeconds)
    return [fieldErrors.invalid(field, seconds, "may not specify a duration less than 10 minutes")];
  if (seconds > 2 ** 32)
    return [fieldErrors.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}

function userInfo(user: UserInfo): UserInfoObject {
  return {
    username: user.username,
    ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(user.extra === undefined
      ? {}
      : { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
  };
}
