import type { ApiObject } from "@coxswain/apimachinery";
import { createSeededRandom, createSimulatedClock } from "@coxswain/clock/testing";
import { createServiceAccountKey, createTokenSigner } from "@coxswain/pki";
import type { SelfSubjectReview, TokenRequest, TokenReview } from "@coxswain/api/authentication/v1";
import { describe, expect, test } from "vitest";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import { identityReviews } from "../reviews/identity-reviews.ts";
import type { Credentials, UserInfo } from "../request.ts";
import { createAuthenticator } from "./authenticator.ts";
import { impersonate } from "./impersonation.ts";
import { parseTokenFile } from "./static-tokens.ts";
import { tokenKeys } from "./token-keys.ts";

const startMs = Date.UTC(2026, 0, 1);
const issuer = "https://kubernetes.default.svc.cluster.local";
const always = { validFromMs: 0, validToMs: Number.MAX_SAFE_INTEGER };
const nobody: Credentials = { certificate: undefined, bearerToken: undefined };
const signal = new AbortController().signal;
const object = (kind: string, namespace: string, name: string, rest: object = {}): ApiObject =>
  ({
    apiVersion: "v1",
    kind,
    metadata: { name, uid: `${name}-uid`, ...(namespace === "" ? {} : { namespace }) },
    ...rest,
  }) as ApiObject;

function world(anonymousAuth = true) {
  const objects = createMemoryObjects({
    serviceaccounts: [object("ServiceAccount", "shop", "web")],
    pods: [object("Pod", "shop", "web-1", { spec: { serviceAccountName: "web", nodeName: "n1", containers: [] } })],
    nodes: [object("Node", "", "n1")],
  });
  const clock = createSimulatedClock(startMs);
  const key = createServiceAccountKey();
  const staticTokens = parseTokenFile('sesame,ali,u1,"thieves,devs"\n\nplain,bob,\n');
  const config = { anonymousAuth, audiences: [issuer], staticTokens: () => staticTokens, bootstrapTokens: true };
  let keys = tokenKeys([issuer], [], key.privateKey);
  const authenticator = createAuthenticator(config, { keys: () => keys, reader: objects, clock });
  const reviews = identityReviews(
    { issuer, audiences: [issuer], maxExpirationSeconds: 0 },
    { authenticator, keys: () => keys, clock, random: createSeededRandom(1) },
  );
  const call = <T>(
    name: string,
    review: object,
    user: UserInfo = { username: "x", groups: [] },
    target = "",
  ): Promise<T> =>
    reviews.get(name)?.(review as ApiObject, { user, namespace: "shop", name: target, reader: objects }) as Promise<T>;
  const requestToken = (spec: TokenRequest["spec"]): Promise<TokenRequest> =>
    call(
      "/serviceaccounts/token",
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec },
      undefined,
      "web",
    );
  const rotate = (accepted: readonly string[]): void =>
    void (keys = tokenKeys([issuer], accepted, createServiceAccountKey().privateKey));
  return {
    objects,
    clock,
    authenticator,
    call,
    requestToken,
    rotate,
    firstKey: key.publicKey,
    signer: createTokenSigner(key.privateKey),
  };
}

describe("the authenticator", () => {
  test("knows callers by certificate, by static token, and strangers", async () => {
    const { authenticator } = world();
    const certificate = { commonName: "system:kube-scheduler", organizations: ["crew"], ...always };
    expect(await authenticator.authenticate({ ...nobody, certificate }, signal)).toEqual({
      kind: "user",
      user: { username: "system:kube-scheduler", groups: ["crew", "system:authenticated"] },
    });
    expect(await authenticator.authenticate({ ...nobody, bearerToken: "sesame" }, signal)).toEqual({
      kind: "user",
      user: { username: "ali", uid: "u1", groups: ["thieves", "devs", "system:authenticated"] },
    });
    expect(await authenticator.authenticate(nobody, signal)).toEqual({
      kind: "user",
      user: { username: "system:anonymous", groups: ["system:unauthenticated"] },
    });
  });

  test("refuses a token that nobody knows and a certificate of somebody else's authority even where strangers are served, and strangers where they are not", async () => {
    expect(await world().authenticator.authenticate({ ...nobody, bearerToken: "sesam" }, signal)).toEqual({
      kind: "unauthorized",
      what: "token",
      because: "invalid bearer token",
    });
    expect((await world().authenticator.authenticate({ ...nobody, certificateRejected: true }, signal)).kind).toBe(
      "unauthorized",
    );
    expect(
      (
        await world().authenticator.authenticate(
          { ...nobody, certificateRejected: true, bearerToken: "sesame" },
          signal,
        )
      ).kind,
    ).toBe("user");
    expect(await world(false).authenticator.authenticate(nobody, signal)).toEqual({
      kind: "unauthorized",
      what: "nothing",
      because: "no credentials",
    });
  });
});

test("a certificate that ends while its connection lives is no longer believed", async () => {
  const { authenticator, clock } = world();
  const certificate = { commonName: "jane", organizations: [], validFromMs: startMs, validToMs: startMs + 1000 };
  const judge = async () => (await authenticator.authenticate({ ...nobody, certificate }, signal)).kind;
  const before = await judge();
  await clock.advance(2000);
  expect([before, await judge()]).toEqual(["user", "unauthorized"]);
});

describe("service-account tokens", () => {
  test("are given to a pod's node and say who the pod is", async () => {
    const { authenticator, requestToken } = world();
    const made = await requestToken({
      expirationSeconds: 3607,
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web-1", uid: "web-1-uid" },
    });
    expect(made.status?.expirationTimestamp).toBe("2026-01-01T01:00:07Z");
    expect(await authenticator.authenticate({ ...nobody, bearerToken: made.status?.token }, signal)).toEqual({
      kind: "user",
      user: {
        username: "system:serviceaccount:shop:web",
        uid: "web-uid",
        groups: ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
        extra: {
          "authentication.kubernetes.io/credential-id": [expect.stringMatching(/^JTI=[0-9a-f-]{36}$/)],
          "authentication.kubernetes.io/pod-name": ["web-1"],
          "authentication.kubernetes.io/pod-uid": ["web-1-uid"],
          "authentication.kubernetes.io/node-name": ["n1"],
          "authentication.kubernetes.io/node-uid": ["n1-uid"],
        },
      },
    });
  });

  test("die when they expire, with their pod, with their account, and are not good for another audience", async () => {
    const because = async (
      change: (w: ReturnType<typeof world>) => unknown,
      spec: Partial<NonNullable<TokenRequest["spec"]>> = {},
    ): Promise<string> => {
      const w = world();
      const made = await w.requestToken({ boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web-1" }, ...spec });
      await change(w);
      const answer = await w.authenticator.authenticate({ ...nobody, bearerToken: made.status?.token }, signal);
      return answer.kind === "unauthorized" ? answer.because : answer.kind;
    };
    expect(await because(() => undefined)).toBe("user");
    expect(await because((w) => w.clock.advance(3_600_000))).toBe("service account token has expired");
    expect(await because((w) => w.objects.remove({ group: "", resource: "pods" }, "shop", "web-1"))).toBe(
      "service account token has been invalidated",
    );
    expect(
      await because((w) =>
        w.objects.put("serviceaccounts", {
          ...object("ServiceAccount", "shop", "web"),
          metadata: { name: "web", namespace: "shop", uid: "new" },
        }),
      ),
    ).toBe("service account token has been invalidated");
    expect(await because(() => undefined, { audiences: ["vault"] })).toBe(
      `token audiences ["vault"] is invalid for the target audiences ["${issuer}"]`,
    );
  });

  test("are refused in Kubernetes' words", async () => {
    const { objects, requestToken } = world();
    await expect(requestToken({ expirationSeconds: 60 })).rejects.toThrow(
      "spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes",
    );
    await expect(
      requestToken({ boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web-1", uid: "old" } }),
    ).rejects.toThrow("the UID in the bound object reference (old) does not match the UID in record");
    objects.put("pods", object("Pod", "shop", "other", { spec: { serviceAccountName: "other", containers: [] } }));
    await expect(requestToken({ boundObjectRef: { kind: "Bad", apiVersion: "v1", name: "x" } })).rejects.toThrow(
      "cannot bind token to object of type /v1, Kind=Bad",
    );
    await expect(requestToken({ boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "other" } })).rejects.toThrow(
      'cannot bind token for serviceaccount "web" to pod running with different serviceaccount name.',
    );
  });
});

describe("signing keys", () => {
  test("rotate: old tokens live as long as their key is accepted, also those that were seen before", async () => {
    const { authenticator, requestToken, rotate, firstKey } = world();
    const bearerToken = (await requestToken({ audiences: [] })).status?.token ?? "";
    const judge = async () => (await authenticator.authenticate({ ...nobody, bearerToken }, signal)).kind;
    const before = await judge();
    rotate([firstKey]);
    const between = await judge();
    rotate([]);
    expect([before, between, await judge()]).toEqual(["user", "user", "unauthorized"]);
  });
});

test("a token in a secret is its account's until the secret or the account goes", async () => {
  const { objects, authenticator, clock, signer } = world();
  const bearerToken = await signer.signLegacy({
    namespace: "shop",
    secretName: "web-token",
    serviceaccount: { name: "web", uid: "web-uid" },
  });
  const judge = async () => {
    const answer = await authenticator.authenticate({ ...nobody, bearerToken }, signal);
    return answer.kind === "user" ? answer.user.username : answer.because;
  };
  expect(await judge()).toBe("service account token has been invalidated");
  objects.put("secrets", object("Secret", "shop", "web-token", { data: { token: btoa("another") } }));
  expect(await judge()).toBe("service account token does not match server's copy");
  objects.put("secrets", object("Secret", "shop", "web-token", { data: { token: btoa(bearerToken) } }));
  expect(await judge()).toBe("system:serviceaccount:shop:web");
  objects.put("serviceaccounts", {
    ...object("ServiceAccount", "shop", "web"),
    metadata: { name: "web", namespace: "shop", uid: "new" },
  });
  await clock.advance(11_000);
  expect(await judge()).toBe("ServiceAccount UID (new) does not match claim (web-uid)");
});

describe("a bootstrap token", () => {
  const secret = (data: Record<string, string>, type = "bootstrap.kubernetes.io/token"): ApiObject =>
    object("Secret", "kube-system", "bootstrap-token-abcdef", {
      type,
      data: Object.fromEntries(
        Object.entries({
          "token-id": "abcdef",
          "token-secret": "0123456789abcdef",
          "usage-bootstrap-authentication": "true",
          ...data,
        }).map(([name, text]) => [name, btoa(text)]),
      ),
    });
  const judge = async (stored: ApiObject, token = "abcdef.0123456789abcdef") => {
    const { objects, authenticator } = world();
    objects.put("secrets", stored);
    const answer = await authenticator.authenticate({ ...nobody, bearerToken: token }, signal);
    return answer.kind === "user" ? [answer.user.username, ...answer.user.groups] : answer.because;
  };

  test("lets a machine in under the name and groups that its secret says", async () => {
    expect(await judge(secret({ "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token" }))).toEqual([
      "system:bootstrap:abcdef",
      "system:bootstrappers",
      "system:bootstrappers:kubeadm:default-node-token",
      "system:authenticated",
    ]);
  });

  test("is nobody's when it has ended, is for something else, claims other groups, or is wrong", async () => {
    const refused = "invalid bearer token";
    expect(await judge(secret({ expiration: "2025-12-31T23:59:59Z" }))).toBe(refused);
    expect(await judge(secret({ expiration: "soon" }))).toBe(refused);
    expect(await judge(secret({ "usage-bootstrap-authentication": "false" }))).toBe(refused);
    expect(await judge(secret({ "auth-extra-groups": "system:masters" }))).toBe(refused);
    expect(await judge(secret({}, "Opaque"))).toBe(refused);
    expect(await judge(secret({}), "abcdef.0123456789abcdeg")).toBe(refused);
    expect(await judge(secret({}), "fedcba.0123456789abcdef")).toBe(refused);
  });
});

describe("identity reviews", () => {
  test("say whose token it is, for which of the wanted audiences, and do not send it back", async () => {
    const { call, requestToken } = world();
    const made = await requestToken({ audiences: ["vault", "registry"] });
    const token = made.status?.token ?? "";
    const review = (audiences: string[]): Promise<TokenReview> =>
      call("authentication.k8s.io/tokenreviews", { kind: "TokenReview", metadata: {}, spec: { token, audiences } });
    expect(await review(["vault", "else"])).toMatchObject({
      spec: { token: "" },
      status: { authenticated: true, user: { username: "system:serviceaccount:shop:web" }, audiences: ["vault"] },
    });
    expect(await review(["else"])).toMatchObject({
      status: { user: {}, error: 'token audiences ["vault" "registry"] is invalid for the target audiences ["else"]' },
    });
  });

  test("take a token that names no audience for one that is meant for this server", async () => {
    const { call } = world();
    const review = (audiences: string[]): Promise<TokenReview> =>
      call("authentication.k8s.io/tokenreviews", {
        kind: "TokenReview",
        metadata: {},
        spec: { token: "sesame", audiences },
      });
    expect(await review(["else", issuer])).toMatchObject({ status: { authenticated: true, audiences: [issuer] } });
    expect((await review(["else"])).status).toEqual({ user: {}, error: "invalid bearer token" });
  });

  test("say who the caller is", async () => {
    const answer = await world().call<SelfSubjectReview>(
      "authentication.k8s.io/selfsubjectreviews",
      { kind: "SelfSubjectReview", metadata: {} },
      { username: "jane", groups: ["devs"] },
    );
    expect(answer.status).toEqual({ userInfo: { username: "jane", groups: ["devs"] } });
  });
});

describe("impersonation", () => {
  const admin: UserInfo = { username: "admin", groups: ["system:masters"] };
  const allowAll = { authorize: () => ({ decision: "allow", reason: "" }) as const };

  test("makes the caller somebody else, with the groups that belong to it", () => {
    expect(
      impersonate(
        admin,
        [
          ["Impersonate-User", "jane"],
          ["Impersonate-Group", "devs"],
          ["impersonate-extra-acme.com%2fproject", "x"],
        ],
        allowAll,
      ),
    ).toEqual({
      kind: "user",
      user: { username: "jane", groups: ["devs", "system:authenticated"], extra: { "acme.com/project": ["x"] } },
    });
    expect(impersonate(admin, [["Impersonate-User", "system:serviceaccount:shop:web"]], allowAll)).toEqual({
      kind: "user",
      user: {
        username: "system:serviceaccount:shop:web",
        groups: ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
      },
    });
    expect(impersonate(admin, [["Accept", "*/*"]], allowAll)).toEqual({ kind: "none" });
  });

  test("asks for a permission per name, and not a user is malformed", () => {
    const onlyUsers = {
      authorize: (asked: { kind: string; resource?: string }) =>
        ({ decision: asked.resource === "users" ? "allow" : "noOpinion", reason: "" }) as const,
    };
    const refused = impersonate(
      admin,
      [
        ["Impersonate-User", "jane"],
        ["Impersonate-Group", "system:masters"],
      ],
      onlyUsers,
    );
    expect(refused).toMatchObject({
      kind: "forbidden",
      attributes: { verb: "impersonate", resource: "groups", name: "system:masters" },
    });
    expect(impersonate(admin, [["Impersonate-Group", "system:masters"]], allowAll).kind).toBe("malformed");
  });
});
