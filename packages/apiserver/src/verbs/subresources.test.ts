import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployment, deployments, merge, pod, pods } from "../../testing/bodies.ts";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

describe("subresources", () => {
  it("scale reads and writes the number of replicas alone", async () => {
    await api.send("POST", deployments, deployment(1));
    const { body } = await api.send("GET", `${deployments}/web/scale`);
    expect([body.kind, body["spec"], body["status"]]).toEqual([
      "Scale",
      { replicas: 1 },
      { replicas: 0, selector: "app=web" },
    ]);
    const scaled = await api.send("PATCH", `${deployments}/web/scale`, { spec: { replicas: 4 } }, merge);
    expect(scaled.body["spec"]).toEqual({ replicas: 4 });
    expect((await api.send("GET", `${deployments}/web`)).body).toMatchObject({
      kind: "Deployment",
      spec: { replicas: 4 },
      metadata: { generation: 2 },
    });
  });

  it("binding starts from the pod in memory, and from the stored one when that is newer", async () => {
    const key = "/registry/pods/default/a";
    const binding = (node: string): object => ({ metadata: { name: "a" }, target: { kind: "Node", name: node } });
    await api.send("POST", pods, pod("a"));
    await api.send("GET", pods);
    const known = await api.storage.get(key);
    const value = Buffer.from(String(known.value?.value).replace('"name":"a"', '"name":"a","labels":{"by":"another"}'));
    // The cache hears of it only after the binding has begun.
    const [, bound] = await Promise.all([
      api.storage.replace(key, value, known.value?.revision ?? 0),
      api.send("POST", `${pods}/a/binding`, binding("n1")),
    ]);
    const { body } = await api.send("GET", `${pods}/a`);
    expect([bound.code, body.metadata.labels, body["spec"]]).toEqual([
      201,
      { by: "another" },
      expect.objectContaining({ nodeName: "n1" }),
    ]);
    await api.send("DELETE", `${pods}/a`, { gracePeriodSeconds: 0 });
    expect((await api.send("POST", `${pods}/a/binding`, binding("n2"))).code).toBe(404);
  });

  it("binding gives a pod its node once", async () => {
    await api.send("POST", pods, pod("a"));
    const binding = (node: string): object => ({ metadata: { name: "a" }, target: { kind: "Node", name: node } });
    expect((await api.send("POST", `${pods}/a/binding`, binding("n1"))).code).toBe(201);
    expect((await api.send("POST", `${pods}/a/binding`, binding("n2"))).body.message).toBe(
      'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
    );
    const { body } = await api.send("GET", `${pods}/a`);
    expect(body).toMatchObject({
      spec: { nodeName: "n1" },
      status: { conditions: [{ type: "PodScheduled", status: "True" }] },
    });
  });

  it("eviction takes a disruption from the budget, and is refused when none is left", async () => {
    const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    await api.send("POST", budgets, {
      metadata: { name: "b" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "x" } } },
    });
    await api.send(
      "PATCH",
      `${budgets}/b/status`,
      {
        status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
      },
      merge,
    );
    for (const name of ["a", "b"]) {
      await api.send("POST", pods, pod(name, { labels: { app: "x" } }));
      await api.send("PATCH", `${pods}/${name}/status`, { status: { phase: "Running" } }, merge);
    }
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: {} };
    expect((await api.send("POST", `${pods}/a/eviction`, eviction)).code).toBe(201);
    const { code, body } = await api.send("POST", `${pods}/b/eviction`, eviction);
    expect([code, body.message]).toEqual([429, "Cannot evict pod as it would violate the pod's disruption budget."]);
  });

  it("autoscalers are served in two versions from one stored form", async () => {
    const path = (version: string): string =>
      `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const target = { scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" }, maxReplicas: 5 };
    await api.send("POST", path("v1"), {
      metadata: { name: "h" },
      spec: { ...target, targetCPUUtilizationPercentage: 70 },
    });
    const { body } = await api.send("GET", `${path("v2")}/h`);
    expect(body["spec"]).toMatchObject({
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
      ],
    });
    expect((await api.send("GET", `${path("v1")}/h`)).body).toMatchObject({
      apiVersion: "autoscaling/v1",
      spec: { targetCPUUtilizationPercentage: 70 },
    });
  });
});

describe("pods' other subresources", () => {
  it.each([
    ["log", ["POST", "PUT", "PATCH", "DELETE"]],
    ["exec", ["PUT", "PATCH", "DELETE"]],
    ["attach", ["PUT", "PATCH", "DELETE"]],
    ["portforward", ["PUT", "PATCH", "DELETE"]],
  ])("%s is not for %j", async (subresource, methods) => {
    await api.send("POST", pods, pod("a"));
    for (const method of methods) expect((await api.send(method, `${pods}/a/${subresource}`)).code, method).toBe(405);
  });

  it("ephemeralcontainers adds a container to debug with and changes nothing else", async () => {
    await api.send("POST", pods, pod("a"));
    const patch = {
      spec: { ephemeralContainers: [{ name: "debug", image: "y" }], containers: [{ name: "c", image: "evil" }] },
    };
    const { body } = await api.send("PATCH", `${pods}/a/ephemeralcontainers`, patch, merge);
    expect(body["spec"]).toMatchObject({
      ephemeralContainers: [{ name: "debug", image: "y" }],
      containers: [{ name: "c", image: "x:1" }],
    });
  });

  it("resize changes resources alone", async () => {
    const sized = { name: "c", image: "x:1", resources: { requests: { cpu: "500m" } } };
    await api.send("POST", pods, { ...pod("a"), spec: { containers: [sized] } });
    const patch = { spec: { containers: [{ name: "c", image: "evil", resources: { requests: { cpu: "1" } } }] } };
    const { body } = await api.send("PATCH", `${pods}/a/resize`, patch, {
      "content-type": "application/strategic-merge-patch+json",
    });
    expect(body["spec"]).toMatchObject({
      containers: [{ name: "c", image: "x:1", resources: { requests: { cpu: "1" } } }],
    });
  });

  it("a node registers with its status", async () => {
    const { body } = await api.send("POST", "/api/v1/nodes", {
      metadata: { name: "n" },
      status: { capacity: { cpu: "2" } },
    });
    expect(body["status"]).toMatchObject({ capacity: { cpu: "2" } });
  });
});
