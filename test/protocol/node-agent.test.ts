// What a node promises that needs the API and a real engine: it joins and gets its certificates by asking, lets in who may, says
// what its containers use.
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startJoinedNode, until, whyNoNode } from "./joined-node.ts";
import type { JoinedNode } from "./joined-node.ts";

const absence = await whyNoNode();

describe.skipIf(absence !== undefined)(`a node${absence === undefined ? "" : ` (skipped: ${absence})`}`, () => {
  let node: JoinedNode;
  let made: JoinedNode | undefined;
  beforeAll(async () => {
    node = made = await startJoinedNode();
  });
  afterAll(() => made?.[Symbol.asyncDispose]());
  const must = (args: readonly string[], input?: string): Promise<string> => node.plane.must(args, input);
  const apply = (...items: readonly unknown[]): Promise<string> =>
    must(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));

  test("joins with a bootstrap token, and gets the certificate of its server when somebody approves", async () => {
    const pair = join(node.rootDirectory, "pki", "kubelet-client-current.pem");
    expect(new X509Certificate(readFileSync(pair)).subject).toBe(`O=system:nodes\nCN=system:node:${node.name}`);
    expect(statSync(pair).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(node.plane.dir, "node.conf"), "utf8")).toContain(pair);

    const asked = async (): Promise<string> =>
      (
        await must(["get", "csr", "--field-selector=spec.signerName=kubernetes.io/kubelet-serving", "-o", "name"])
      ).trim();
    await until("the serving certificate is asked for", async () => (await asked()) !== "");
    await must(["certificate", "approve", await asked()]);
    // The API server trusts certificates of the cluster's authority only: it reaches the agent from now on.
    await until("the API server reaches the agent", async () => {
      const { code } = await node.plane.kubectl(["get", "--raw", `/api/v1/nodes/${node.name}/proxy/healthz`]);
      return code === 0;
    });
  });

  test("lets in tokens that the API server knows and that may, and says to the others why not", async () => {
    await apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader" } },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        metadata: { name: "agent-reader" },
        rules: [{ apiGroups: [""], resources: ["nodes/metrics", "nodes/pods"], verbs: ["get"] }],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: "agent-reader" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "agent-reader" },
        subjects: [{ kind: "ServiceAccount", name: "reader", namespace: "default" }],
      },
    );
    const token = (await must(["create", "token", "reader"])).trim();
    const user = "system:serviceaccount:default:reader";
    expect((await node.ask("/metrics", token)).status).toBe(200);
    expect((await node.ask("/pods", token)).status).toBe(200);
    expect(await node.ask("/stats/summary", token)).toEqual({
      status: 403,
      text: `Forbidden (user=${user}, verb=get, resource=nodes, subresource(s)=[stats])\n`,
    });
    expect(await node.ask("/containerLogs/default/a/b", token)).toMatchObject({ status: 403 });
    expect(await node.ask("/metrics", "nonsense")).toEqual({ status: 401, text: "Unauthorized" });
    expect(await node.ask("/metrics", "")).toEqual({ status: 401, text: "Unauthorized" });
    expect(await node.ask("/metrics")).toMatchObject({ status: 200 });
  });
});
