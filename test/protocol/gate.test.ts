// Attempts to get past the gate as somebody else, against a real apiserver and store over real TLS: certificates, proxies, tokens, strangers. Each
// must be refused with Kubernetes' status and words, and the right ones must get in meanwhile.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { createAuthority } from "@coxswain/pki";
import type { KeyPair } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { askAs, certificateOf, dayMs } from "./gate/callers.ts";
import type { Asking, Reply, Who } from "./gate/callers.ts";
import { pods, refusalsOf, startGate, unauthorized } from "./gate/rig.ts";

let plane: ControlPlane;
/** Of the proxies that may speak for others. */
let proxies: KeyPair;
const dir = mkdtempSync(join(tmpdir(), "coxswain-gate-"));

beforeAll(async () => {
  proxies = await createAuthority("front-proxy-ca", dayMs, systemClock);
  const proxyAuthority = join(dir, "front-proxy-ca.crt");
  writeFileSync(proxyAuthority, proxies.certificate);
  plane = await startGate([
    "--enable-bootstrap-token-auth",
    `--requestheader-client-ca-file=${proxyAuthority}`,
    "--requestheader-allowed-names=front-proxy-client",
  ]);
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const certificate = (who: Who, when?: { readonly atMs?: number; readonly authority?: KeyPair }): Promise<KeyPair> =>
  certificateOf(plane, who, when);
const ask = (path: string, asking?: Asking): Promise<Reply> => askAs(plane, path, asking);

describe("a client certificate", () => {
  it("of our authority says who one is", async () => {
    const jane = await certificate({ commonName: "jane", organizations: ["devs"] });
    const answer = await ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
      as: jane,
      method: "POST",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
    expect(JSON.parse(answer.text)).toMatchObject({
      status: { userInfo: { username: "jane", groups: ["devs", "system:authenticated"] } },
    });
  });

  it.each([
    ["that has expired", { atMs: Date.now() - 3 * dayMs }, {}],
    ["that is not valid yet", { atMs: Date.now() + dayMs }, {}],
    ["for servers only", {}, { usages: ["server"] }],
  ] as const)("%s lets nobody in", async (_which, when, what) => {
    const shown = await certificate(
      { commonName: "kubernetes-admin", organizations: ["system:masters"], ...what },
      when,
    );
    expect(await ask(pods, { as: shown })).toMatchObject(unauthorized);
  });

  it("of another authority lets nobody in, nor serves as a stranger's", async () => {
    const theirs = await createAuthority("kubernetes-ca", dayMs, systemClock);
    const shown = await certificate(
      { commonName: "kubernetes-admin", organizations: ["system:masters"] },
      { authority: theirs },
    );
    expect(await ask(pods, { as: shown })).toMatchObject(unauthorized);
    expect(await ask("/version", { as: shown })).toMatchObject(unauthorized);
  });
});

describe("a proxy that speaks for others", () => {
  const asking = (as: KeyPair, headers: NonNullable<Asking["headers"]>): Asking => ({
    as,
    headers,
    method: "POST",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
  });
  const review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const jane = { "x-remote-user": "jane", "x-remote-group": ["devs", "ops"], "x-remote-extra-scopes": "a" };

  it("is believed with a certificate of its authority, under a name that is allowed", async () => {
    const front = await certificate({ commonName: "front-proxy-client" }, { authority: proxies });
    const answer = await ask(review, asking(front, jane));
    expect(JSON.parse(answer.text)).toMatchObject({
      status: {
        userInfo: { username: "jane", groups: ["devs", "ops", "system:authenticated"], extra: { scopes: ["a"] } },
      },
    });
    expect(await ask(pods, { as: front })).toMatchObject(unauthorized);
  });

  it("is not believed under another name, of another authority, or without a certificate", async () => {
    const other = await certificate({ commonName: "somebody" }, { authority: proxies });
    expect(await ask(review, asking(other, jane))).toMatchObject(unauthorized);
    const late = await certificate(
      { commonName: "front-proxy-client" },
      { authority: proxies, atMs: Date.now() - 3 * dayMs },
    );
    expect(await ask(review, asking(late, jane))).toMatchObject(unauthorized);
    const client = await certificate({ commonName: "front-proxy-client" });
    const answer = await ask(review, asking(client, jane));
    expect(JSON.parse(answer.text)).toMatchObject({ status: { userInfo: { username: "front-proxy-client" } } });
    expect(await ask(pods, { headers: jane })).toMatchObject({
      status: 403,
      message: expect.stringContaining("anonymous"),
    });
  });

  it("is made known to servers of other groups", async () => {
    const text = await plane.must([
      "get",
      "configmap",
      "-n",
      "kube-system",
      "extension-apiserver-authentication",
      "-ojson",
    ]);
    const { data } = JSON.parse(text) as { data: Record<string, string> };
    expect(data).toEqual({
      "client-ca-file": expect.stringContaining("BEGIN CERTIFICATE"),
      "requestheader-client-ca-file": `${proxies.certificate.trim()}\n`,
      "requestheader-allowed-names": '["front-proxy-client"]',
      "requestheader-username-headers": '["X-Remote-User"]',
      "requestheader-uid-headers": '["X-Remote-Uid"]',
      "requestheader-group-headers": '["X-Remote-Group"]',
      "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    });
  });
});

describe("a service account's token", () => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const makeToken = async (...more: string[]): Promise<string> =>
    (await plane.must(["create", "token", "web", "-n", "shop", ...more])).trim();

  it("is the account's, until it is tampered with", async () => {
    const token = await makeToken();
    expect(await ask(pods, { token })).toMatchObject({
      status: 403,
      message:
        'pods is forbidden: User "system:serviceaccount:shop:web" cannot list resource "pods" in API group "" in the namespace "shop"',
    });
    const [head = "", claims = "", signature = ""] = token.split(".");
    const decoded = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>;
    const raised = encode({ ...decoded, sub: "system:serviceaccount:kube-system:generic-garbage-collector" });
    for (const forged of [
      `${head}.${raised}.${signature}`,
      `${encode({ alg: "none" })}.${raised}.`,
      `${encode({ alg: "none", typ: "JWT" })}.${claims}.${signature}`,
      `${encode({ alg: "HS256" })}.${claims}.${signature}`,
      `${head}.${claims}.`,
      `${head}.${claims}`,
      `${token}x`,
    ])
      expect(await ask(pods, { token: forged })).toMatchObject(unauthorized);
  });

  it("for another audience is not for us", async () => {
    expect(await ask(pods, { token: await makeToken("--audience=vault") })).toMatchObject(unauthorized);
  });

  it("dies with its account and with the pod it was made for", async () => {
    await plane.must(["create", "serviceaccount", "brief", "-n", "shop"]);
    await plane.must(
      ["apply", "-f", "-"],
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "bound", namespace: "shop" },
        spec: { serviceAccountName: "web", containers: [{ name: "c", image: "none" }] },
      }),
    );
    const ofPod = await makeToken("--bound-object-kind=Pod", "--bound-object-name=bound");
    const ofAccount = (await plane.must(["create", "token", "brief", "-n", "shop"])).trim();
    const judge = async () => [
      (await ask(pods, { token: ofPod })).status,
      (await ask(pods, { token: ofAccount })).status,
    ];
    expect(await judge()).toEqual([403, 403]);
    await plane.must(["delete", "pod", "bound", "-n", "shop", "--force", "--grace-period=0"]);
    await plane.must(["delete", "serviceaccount", "brief", "-n", "shop"]);
    await expect.poll(judge, { timeout: 10_000 }).toEqual([401, 401]);
  });
});

describe("a stranger", () => {
  it("may ask for health and version, and is told no in Kubernetes' words for the rest", async () => {
    expect((await ask("/readyz")).status).toBe(200);
    expect((await ask("/version")).status).toBe(200);
    expect(await ask("/api/v1/nodes")).toMatchObject({
      status: 403,
      message:
        'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope',
    });
    expect(await ask("/metrics")).toMatchObject({
      status: 403,
      message: 'forbidden: User "system:anonymous" cannot get path "/metrics"',
    });
  });

  it("does not become somebody by headers of proxies, nor by impersonation", async () => {
    const smuggled = {
      "X-Remote-User": "kubernetes-admin",
      "X-Remote-Group": "system:masters",
      "X-Remote-Extra-Scopes": "all",
      "X-Forwarded-User": "kubernetes-admin",
    };
    expect((await ask("/api/v1/nodes", { headers: smuggled })).status).toBe(403);
    expect(await ask("/api/v1/nodes", { headers: { "Impersonate-User": "kubernetes-admin" } })).toMatchObject({
      status: 403,
      message:
        'users "kubernetes-admin" is forbidden: User "system:anonymous" cannot impersonate resource "users" in API group "" at the cluster scope',
    });
    const jane = await certificate({ commonName: "jane" });
    for (const headers of [
      { "impersonate-user": "bob" },
      { "IMPERSONATE-USER": "system:admin", "Impersonate-Group": "system:masters" },
      { "Impersonate-User": ["jane", "kubernetes-admin"] },
    ])
      expect((await ask("/api/v1/nodes", { as: jane, headers })).status).toBe(403);
    expect((await ask("/api/v1/nodes", { as: jane, headers: { "Impersonate-Group": "system:masters" } })).status).toBe(
      500,
    );
  });
});

describe("a bootstrap token", () => {
  it("lets a machine ask for a certificate and nothing else", async () => {
    await plane.must(
      ["apply", "-f", "-"],
      JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
        type: "bootstrap.kubernetes.io/token",
        stringData: {
          "token-id": "abcdef",
          "token-secret": "0123456789abcdef",
          "usage-bootstrap-authentication": "true",
        },
      }),
    );
    expect(await ask("/api/v1/nodes", { token: "abcdef.0123456789abcdef" })).toMatchObject({
      status: 403,
      message:
        'nodes is forbidden: User "system:bootstrap:abcdef" cannot list resource "nodes" in API group "" at the cluster scope',
    });
    expect(await ask("/api/v1/nodes", { token: "abcdef.0123456789abcdee" })).toMatchObject(unauthorized);
  });
});

it("what is refused is counted by stage and reason", async () => {
  for (const [stage, reason] of [
    ["authentication", "certificate"],
    ["authentication", "token"],
    ["authorization", "list"],
    ["authorization", "impersonation"],
  ] as const)
    expect([stage, reason, await refusalsOf(plane, stage, reason)]).toEqual([
      stage,
      reason,
      expect.toSatisfy((count: number) => count > 0),
    ]);
});
