// Attempts to get past the gate, against a real apiserver and store over real TLS. Each must be refused with Kubernetes' status and
// words, and the right ones must get in meanwhile.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@coxswain/clock";
import { createAuthority } from "@coxswain/pki";
import type { KeyPair } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { askAs, certificateOf, dayMs } from "./gate/callers.ts";
import type { Asking, Reply, Who } from "./gate/callers.ts";

let plane: ControlPlane;
/** Of the proxies that may speak for others. */
let proxies: KeyPair;
const dir = mkdtempSync(join(tmpdir(), "coxswain-gate-"));

beforeAll(async () => {
  proxies = await createAuthority("front-proxy-ca", dayMs, systemClock);
  const proxyAuthority = join(dir, "front-proxy-ca.crt");
  writeFileSync(proxyAuthority, proxies.certificate);
  const flags = [
    "--enable-bootstrap-token-auth",
    `--requestheader-client-ca-file=${proxyAuthority}`,
    "--requestheader-allowed-names=front-proxy-client",
  ];
  plane = await startControlPlane({ flags });
  await plane.must(["create", "namespace", "shop"]);
  // No controllers run here that would make the first.
  for (const account of ["default", "web"]) await plane.must(["create", "serviceaccount", account, "-n", "shop"]);
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const certificate = (who: Who, when?: { readonly atMs?: number; readonly authority?: KeyPair }): Promise<KeyPair> =>
  certificateOf(plane, who, when);
const ask = (path: string, asking?: Asking): Promise<Reply> => askAs(plane, path, asking);

const unauthorized = { status: 401, message: "Unauthorized", reason: "Unauthorized" };
const pods = "/api/v1/namespaces/shop/pods";

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

describe("somebody with rights in one namespace", () => {
  let jane: KeyPair;
  beforeAll(async () => {
    jane = await certificate({ commonName: "shop-jane" });
    await plane.must(["create", "role", "reader", "-n", "shop", "--verb=get,list", "--resource=configmaps"]);
    await plane.must([
      "create",
      "role",
      "granter",
      "-n",
      "shop",
      "--verb=get,create,update",
      "--resource=roles,rolebindings",
    ]);
    for (const role of ["reader", "granter"])
      await plane.must(["create", "rolebinding", role, "-n", "shop", `--role=${role}`, "--user=shop-jane"]);
  });

  it("has them", async () => {
    await expect
      .poll(async () => (await ask("/api/v1/namespaces/shop/configmaps", { as: jane })).status, { timeout: 10_000 })
      .toBe(200);
  });

  it("reaches no other by tricks with the path", async () => {
    for (const path of [
      "/api/v1/namespaces/shop/../kube-system/configmaps",
      "/api/v1/namespaces/shop/%2e%2e/kube-system/configmaps",
      "/api/v1/namespaces/shop%2f..%2fkube-system/configmaps",
      "/api/v1/namespaces/shop/configmaps/../../kube-system/configmaps",
      "//api/v1/namespaces/kube-system/configmaps",
      "/api/v1//namespaces/kube-system/configmaps",
      "/API/v1/namespaces/kube-system/configmaps",
      "/api/v1/namespaces/Shop/configmaps",
      "/api/v1/namespaces/kube-system/configmaps?namespace=shop",
      "/api/v1/configmaps",
      "/api/v1/watch/configmaps",
    ])
      expect([path, (await ask(path, { as: jane })).status]).toEqual([
        path,
        expect.toSatisfy((status: number) => [301, 400, 403, 404].includes(status)),
      ]);
  });

  it("gives nobody more than they have", async () => {
    const role = (rules: object[]): object => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "more", namespace: "shop" },
      rules,
    });
    const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles";
    const made = await ask(roles, {
      as: jane,
      method: "POST",
      body: role([{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }]),
    });
    expect(made).toMatchObject({
      status: 403,
      message:
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "shop-jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    });
    const bound = await ask("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings", {
      as: jane,
      method: "POST",
      body: {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "more", namespace: "shop" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "shop-jane" }],
      },
    });
    expect([bound.status, bound.message.split("\n")[0]]).toEqual([
      403,
      'rolebindings.rbac.authorization.k8s.io "more" is forbidden: user "shop-jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:',
    ]);
  });

  it("gets no token, and no way around an object by its subresources", async () => {
    const forbidden = async (method: string, path: string, body?: object) =>
      expect([path, (await ask(path, { as: jane, method, ...(body && { body }) })).status]).toEqual([path, 403]);
    await forbidden("POST", "/api/v1/namespaces/shop/serviceaccounts/web/token", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    });
    await forbidden("PUT", "/apis/apps/v1/namespaces/shop/deployments/web/scale", {});
    await forbidden("PATCH", "/api/v1/namespaces/shop/pods/web/ephemeralcontainers", {});
    await forbidden("PUT", "/api/v1/namespaces/shop/pods/web/status", {});
    await forbidden("POST", "/api/v1/namespaces/shop/pods/web/eviction", {});
    await forbidden("POST", "/api/v1/namespaces/shop/pods/web/binding", {});
    await forbidden("GET", "/api/v1/namespaces/shop/pods/web/log");
    await forbidden("GET", "/api/v1/namespaces/shop/services/web/proxy/");
    await forbidden("GET", "/api/v1/nodes/n1/proxy/pods");
  });
});

describe("kubectl auth", () => {
  it("says who one is and what one may do, and reconciles roles", async () => {
    expect((await plane.must(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])).trim()).toBe(
      "kubernetes-admin",
    );
    const mayOne = async (...words: string[]) => (await plane.kubectl(["auth", "can-i", ...words])).stdout.trim();
    expect(await mayOne("*", "*")).toBe("yes");
    expect(await mayOne("list", "configmaps", "-n", "shop", "--as", "shop-jane")).toBe("yes");
    expect(await mayOne("list", "secrets", "-n", "shop", "--as", "shop-jane")).toBe("no");
    const list = await plane.must(["auth", "can-i", "--list", "-n", "shop", "--as", "shop-jane"]);
    expect(list).toMatch(/^configmaps +\[\] +\[\] +\[get list\]$/m);
    const role = {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "reconciled" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
    };
    const reconcile = (): Promise<string> => plane.must(["auth", "reconcile", "-f", "-"], JSON.stringify(role));
    expect(await reconcile()).toContain("clusterrole.rbac.authorization.k8s.io/reconciled reconciled");
    await plane.must(["patch", "clusterrole", "reconciled", "--type=json", "-p", '[{"op":"remove","path":"/rules"}]']);
    await reconcile();
    expect(await plane.must(["get", "clusterrole", "reconciled", "-o", "jsonpath={.rules[0].resources[0]}"])).toBe(
      "pods",
    );
  });
});

describe("a node", () => {
  it("is itself and nobody else", async () => {
    const node = await certificate({ commonName: "system:node:n1", organizations: ["system:nodes"] });
    const register = (name: string, labels: object = {}) =>
      ask("/api/v1/nodes", {
        as: node,
        method: "POST",
        body: { apiVersion: "v1", kind: "Node", metadata: { name, labels } },
      });
    expect((await register("n1")).status).toBe(201);
    expect(await register("n2")).toMatchObject({
      status: 403,
      message: 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
    });
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "shop" } };
    expect(
      await ask(pods, {
        as: node,
        method: "POST",
        body: { ...pod, spec: { containers: [{ name: "c", image: "i" }] } },
      }),
    ).toMatchObject({
      status: 403,
      message:
        'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    });
    expect((await ask("/api/v1/secrets", { as: node })).status).toBe(403);
    expect((await ask("/api/v1/namespaces/shop/secrets/any", { as: node })).status).toBe(403);
  });
});

describe("a daemon's certificate", () => {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: "kube-system" } };
  it.each([
    [
      "system:kube-scheduler",
      [],
      ["GET /api/v1/pods"],
      [
        "GET /api/v1/secrets",
        "POST /api/v1/namespaces/shop/pods",
        "GET /api/v1/namespaces/kube-system/configmaps",
        "DELETE /api/v1/nodes/n1",
      ],
    ],
    // What it does itself is little: each controller has an account of its own.
    [
      "system:kube-controller-manager",
      [],
      ["GET /api/v1/pods"],
      [
        "POST /api/v1/namespaces/shop/pods",
        "DELETE /api/v1/nodes/n1",
        "DELETE /api/v1/namespaces/shop/pods/any",
        "POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
      ],
    ],
    [
      "system:kube-proxy",
      [],
      ["GET /apis/discovery.k8s.io/v1/endpointslices", "GET /api/v1/services"],
      ["GET /api/v1/secrets", "GET /api/v1/pods", "POST /api/v1/namespaces/shop/services"],
    ],
    [
      "system:coredns",
      [],
      ["GET /apis/discovery.k8s.io/v1/endpointslices", "GET /api/v1/services"],
      ["GET /api/v1/secrets", "GET /api/v1/configmaps", "DELETE /api/v1/namespaces/shop/services/any"],
    ],
    [
      "system:node:n1",
      ["system:nodes"],
      ["GET /api/v1/services"],
      [
        "GET /api/v1/secrets",
        "GET /api/v1/pods",
        "DELETE /api/v1/nodes/n2",
        "GET /apis/rbac.authorization.k8s.io/v1/clusterroles",
      ],
    ],
    // It opens doors on node agents, none here.
    [
      "kube-apiserver-kubelet-client",
      [],
      ["GET /version"],
      ["GET /api/v1/nodes", "GET /api/v1/pods", "GET /api/v1/secrets"],
    ],
  ] as const)("of %s opens what its work needs and no more", async (commonName, organizations, allowed, refused) => {
    const as = await certificate({ commonName, organizations });
    const statusOf = async (words: string): Promise<number> => {
      const [method = "", path = ""] = words.split(" ");
      return (await ask(path, { as, method, ...(method === "POST" && { body: map }) })).status;
    };
    for (const words of allowed) expect([words, await statusOf(words)]).toEqual([words, 200]);
    for (const words of refused) expect([words, await statusOf(words)]).toEqual([words, 403]);
  });

  it("of the store's client opens nothing here, nor the API's clients the store", async () => {
    const { cert, key } = plane.pki.files("test", "apiserver-etcd-client");
    const storeClient = { certificate: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    expect(await ask("/api/v1/nodes", { as: storeClient })).toMatchObject(unauthorized);
    const version = (name: string): string => {
      const files = plane.pki.files("test", name);
      const authority = plane.pki.authorityFile("etcd-ca");
      return execFileSync(
        "curl",
        ["-sS", "--cacert", authority, "--cert", files.cert, "--key", files.key, `${plane.storeUrl}/version`],
        { stdio: "pipe", encoding: "utf8" },
      );
    };
    expect(version("apiserver-etcd-client")).toContain("etcdserver");
    // The connection is cut; which of its ends curl sees first is chance.
    expect(() => version("admin")).toThrow(/^Command failed/);
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
  const metrics = (await plane.call("GET", "/metrics")).text;
  const counted = (stage: string, reason: string): number =>
    Number(
      new RegExp(`^apiserver_refused_requests_total\\{.*stage="${stage}",reason="${reason}".*\\} (\\d+)$`, "m").exec(
        metrics,
      )?.[1],
    );
  for (const [stage, reason] of [
    ["authentication", "certificate"],
    ["authentication", "token"],
    ["authorization", "list"],
    ["authorization", "impersonation"],
    ["admission", "NodeRestriction"],
    ["admission", "RBACEscalation"],
  ] as const)
    expect([stage, reason, counted(stage, reason)]).toEqual([stage, reason, expect.toSatisfy((count) => count > 0)]);
});
