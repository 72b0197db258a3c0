// Attempts to do more than one may, against a real apiserver and store over real TLS: users, nodes and daemons, each with rights of their own. Each
// must be refused with Kubernetes' status and words, and what is allowed must work meanwhile.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { KeyPair } from "@coxswain/pki";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ControlPlane } from "./control-plane.ts";
import { askAs, certificateOf } from "./gate/callers.ts";
import type { Asking, Reply, Who } from "./gate/callers.ts";
import { pods, refusalsOf, startGate, unauthorized } from "./gate/rig.ts";

let plane: ControlPlane;
beforeAll(async () => void (plane = await startGate()));
afterAll(() => plane?.[Symbol.asyncDispose]());

const certificate = (who: Who): Promise<KeyPair> => certificateOf(plane, who);
const ask = (path: string, asking?: Asking): Promise<Reply> => askAs(plane, path, asking);

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

it("what is refused is counted by stage and reason", async () => {
  for (const [stage, reason] of [
    ["authentication", "certificate"],
    ["authorization", "list"],
    ["admission", "NodeRestriction"],
    ["admission", "RBACEscalation"],
  ] as const)
    expect([stage, reason, await refusalsOf(plane, stage, reason)]).toEqual([
      stage,
      reason,
      expect.toSatisfy((count: number) => count > 0),
    ]);
});
