import type { ApiObject } from "@coxswain/apimachinery";
import { describe, expect, test } from "vitest";
import { createMemoryObjects } from "../../../testing/memory-objects.ts";
import type { Attributes, Subject } from "./attributes.ts";
import { createAuthorizer } from "./authorizer.ts";
import { bootstrapPolicy } from "./bootstrap.ts";
import { forbiddenDetails, forbiddenMessage } from "./forbidden.ts";

const node = (name: string): Subject => ({
  username: `system:node:${name}`,
  groups: ["system:nodes", "system:authenticated"],
});
const user = (username: string, ...groups: string[]): Subject => ({
  username,
  groups: [...groups, "system:authenticated"],
});
const account = (name: string): Subject =>
  user(`system:serviceaccount:kube-system:${name}`, "system:serviceaccounts", "system:serviceaccounts:kube-system");

/** "list pods in shop", "get secrets/key in shop", "update deployments.apps/scale:web", "get /healthz" */
function ask(who: Subject, text: string): Attributes {
  const [verb = "", what = "", , namespace = ""] = text.split(" ");
  if (what.startsWith("/")) return { kind: "path", user: who, verb, path: what };
  const [qualified = "", name = ""] = what.split(":");
  const [typed = "", subresource = ""] = qualified.split("/");
  const dot = typed.indexOf(".");
  const [resource, group] = dot < 0 ? [typed, ""] : [typed.slice(0, dot), typed.slice(dot + 1)];
  return { kind: "resource", user: who, verb, group, version: "v1", resource, subresource, namespace, name };
}

const pod = (name: string, nodeName: string, secret: string): ApiObject =>
  ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "shop" },
    spec: {
      nodeName,
      serviceAccountName: "web",
      containers: [{ name: "c", envFrom: [{ secretRef: { name: secret } }] }],
    },
  }) as ApiObject;

async function cluster() {
  const objects = createMemoryObjects({ pods: [pod("web-1", "n1", "key-1"), pod("web-2", "n2", "key-2")] });
  await bootstrapPolicy(objects);
  return { objects, authorizer: createAuthorizer({ modes: ["Node", "RBAC"] }, { reader: objects }) };
}

describe("the default policy", () => {
  test("lets each daemon do its work and not another's", async () => {
    const { authorizer } = await cluster();
    const may = (who: Subject, text: string): boolean => authorizer.authorize(ask(who, text)).decision === "allow";
    const scheduler = user("system:kube-scheduler");
    const manager = user("system:kube-controller-manager");
    const proxy = user("system:kube-proxy");
    const dns = user("system:coredns");
    const cases: readonly (readonly [Subject, string, boolean])[] = [
      [user("kubernetes-admin", "system:masters"), "delete nodes:n1", true],
      [scheduler, "list pods", true],
      [scheduler, "create pods/binding:web in shop", true],
      [scheduler, "update leases.coordination.k8s.io:kube-scheduler in kube-system", true],
      [scheduler, "update leases.coordination.k8s.io:kube-controller-manager in kube-system", false],
      [scheduler, "get secrets:key in shop", false],
      [scheduler, "create pods in shop", false],
      [manager, "list deployments.apps", true],
      [manager, "create serviceaccounts/token:deployment-controller in kube-system", true],
      [manager, "create pods in shop", false],
      [manager, "create clusterrolebindings.rbac.authorization.k8s.io", false],
      [account("replicaset-controller"), "create pods in shop", true],
      [account("replicaset-controller"), "update deployments.apps:web in shop", false],
      [account("deployment-controller"), "update deployments.apps/status:web in shop", true],
      [account("namespace-controller"), "deletecollection configmaps in shop", true],
      [proxy, "watch endpointslices.discovery.k8s.io", true],
      [proxy, "list secrets", false],
      [dns, "watch services", true],
      [dns, "list configmaps", false],
      [user("jane"), "get /version", true],
      [user("jane"), "create selfsubjectaccessreviews.authorization.k8s.io", true],
      [user("jane"), "list pods in shop", false],
      [{ username: "system:anonymous", groups: ["system:unauthenticated"] }, "get /readyz", true],
      [{ username: "system:anonymous", groups: ["system:unauthenticated"] }, "get /api", false],
      [{ username: "system:anonymous", groups: ["system:unauthenticated"] }, "list namespaces", false],
    ];
    expect(cases.map(([who, text]) => [who.username, text, may(who, text)])).toEqual(
      cases.map(([who, text, allowed]) => [who.username, text, allowed]),
    );
  });

  test("is mended at start without touching what an administrator added", async () => {
    const { objects } = await cluster();
    const where = { group: "rbac.authorization.k8s.io", resource: "clusterroles" };
    const extra = { apiGroups: ["example.com"], resources: ["things"], verbs: ["get"] };
    await objects.update(where, "", "system:kube-dns", (role) => ({ ...role, rules: [extra] }) as ApiObject);
    await bootstrapPolicy(objects);
    expect((objects.view(where).get("", "system:kube-dns") as ApiObject & { rules: unknown }).rules).toEqual([
      extra,
      { apiGroups: [""], resources: ["endpoints"], verbs: ["list", "watch"] },
      { apiGroups: [""], resources: ["services"], verbs: ["list", "watch"] },
    ]);
  });
});

describe("the node authorizer", () => {
  test("shows a node what its pods need and nothing of others", async () => {
    const { objects, authorizer } = await cluster();
    const verdict = (text: string): string => {
      const { decision, reason } = authorizer.authorize(ask(node("n1"), text));
      return decision === "allow" ? "yes" : reason;
    };
    const unrelated = "no relationship found between node 'n1' and this object";
    expect(verdict("get secrets:key-1 in shop")).toBe("yes");
    expect(verdict("get secrets:key-2 in shop")).toBe(unrelated);
    expect(verdict("list secrets in shop")).toBe("No Object name found");
    expect(verdict("delete secrets:key-1 in shop")).toBe("can only read resources of this type");
    expect(verdict("create serviceaccounts/token:web in shop")).toBe("yes");
    expect(verdict("create serviceaccounts/token:other in shop")).toBe(unrelated);
    expect(verdict("update pods/status:web-1 in shop")).toBe("yes");
    expect(verdict("update pods/status:web-2 in shop")).toBe(unrelated);
    expect(verdict("update nodes/status:n1")).toBe("yes");
    expect(verdict("patch nodes/status:n2")).toBe("node 'n1' cannot patch another node");
    expect(verdict("update leases.coordination.k8s.io:n1 in kube-node-lease")).toBe("yes");
    expect(verdict("update leases.coordination.k8s.io:n2 in kube-node-lease")).toBe(
      "can only access node lease with the same name as the requesting node",
    );
    expect(verdict("list services")).toBe("yes");
    objects.put("pods", pod("web-1", "n1", "key-3"));
    expect(verdict("get secrets:key-1 in shop")).toBe(unrelated);
    expect(verdict("get secrets:key-3 in shop")).toBe("yes");
    await objects.remove({ group: "", resource: "pods" }, "shop", "web-1");
    expect(verdict("get secrets:key-3 in shop")).toBe(unrelated);
  });

  test("lets a node list its own pods only", async () => {
    const { authorizer } = await cluster();
    const list = (fieldSelector: string): string =>
      authorizer.authorize({ ...ask(node("n1"), "list pods"), fieldSelector } as Attributes).decision;
    expect([list("spec.nodeName=n1"), list("spec.nodeName=n2"), list("")]).toEqual(["allow", "noOpinion", "noOpinion"]);
  });
});

test("a refusal is said in Kubernetes' words", () => {
  const jane = { username: "jane", groups: [] };
  expect(forbiddenMessage(ask(jane, "list pods in shop"), "")).toBe(
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"',
  );
  expect(forbiddenMessage(ask(jane, "update deployments.apps/scale:web in shop"), "because")).toBe(
    'deployments.apps "web" is forbidden: User "jane" cannot update resource "deployments/scale" in API group "apps" in the namespace "shop": because',
  );
  expect(forbiddenMessage(ask(jane, "list nodes"), "")).toBe(
    'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  expect(forbiddenMessage(ask(jane, "get /metrics"), "")).toBe('forbidden: User "jane" cannot get path "/metrics"');
  expect(forbiddenDetails(ask(jane, "update deployments.apps/scale:web in shop"))).toEqual({
    name: "web",
    group: "apps",
    kind: "deployments",
  });
});
