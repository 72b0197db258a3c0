import { resources } from "@coxswain/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Body, TestApi } from "../../../testing/test-api.ts";
import { createTestApi } from "../../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => {
  api = createTestApi();
});
afterEach(() => api.stop());

const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const selector = { matchLabels: { a: "b" } };
const once = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
const backend = { service: { name: "s", port: { number: 80 } } };

/** Path, specification, the status of what is new, whether generations are counted. */
const kinds: readonly (readonly [path: string, spec: object, status: object, generation: number | undefined])[] = [
  ["/apis/apps/v1/namespaces/default/deployments", { selector, template }, {}, 1],
  ["/apis/apps/v1/namespaces/default/replicasets", { selector, template }, { replicas: 0 }, 1],
  [
    "/apis/apps/v1/namespaces/default/statefulsets",
    { selector, template, serviceName: "s" },
    { replicas: 0, availableReplicas: 0 },
    1,
  ],
  [
    "/apis/apps/v1/namespaces/default/daemonsets",
    { selector, template },
    { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
    1,
  ],
  ["/api/v1/namespaces/default/replicationcontrollers", { template }, { replicas: 0 }, 1],
  ["/apis/batch/v1/namespaces/default/jobs", { template: once }, {}, 1],
  [
    "/apis/batch/v1/namespaces/default/cronjobs",
    { schedule: "* * * * *", jobTemplate: { spec: { template: once } } },
    {},
    1,
  ],
  [
    "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
    { minAvailable: 1, selector },
    { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    1,
  ],
  ["/apis/networking.k8s.io/v1/namespaces/default/ingresses", { defaultBackend: backend }, { loadBalancer: {} }, 1],
  [
    "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
    { maxReplicas: 3, scaleTargetRef: { kind: "Deployment", name: "d", apiVersion: "apps/v1" } },
    { currentReplicas: 0, desiredReplicas: 0 },
    undefined,
  ],
  ["/api/v1/namespaces/default/resourcequotas", { hard: { pods: "1" } }, {}, undefined],
  [
    "/api/v1/namespaces/default/persistentvolumeclaims",
    { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    { phase: "Pending" },
    undefined,
  ],
  ["/api/v1/namespaces/default/services", { ports: [{ port: 80 }] }, { loadBalancer: {} }, undefined],
  [
    "/apis/storage.k8s.io/v1/volumeattachments",
    { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } },
    { attached: false },
    undefined,
  ],
];

describe("what is the system's to say", () => {
  it.each(kinds)("%s begins with a blank status, whatever its creator says", async (path, spec, status, generation) => {
    const body = { metadata: { name: "x", generation: 7 }, spec, status: { conditions: [], phase: "Done" } };
    const created = await api.send("POST", path, body);
    expect([created.code, created.body.message]).toEqual([201, undefined]);
    expect(created.body["status"]).toEqual(status);
    // Where nobody counts, it is what the creator says.
    expect(created.body.metadata.generation).toBe(generation ?? 7);
  });

  it.each(kinds)(
    "%s keeps its specification and generation through /status",
    async (path, spec, _status, generation) => {
      const created = await api.send("POST", path, { metadata: { name: "x" }, spec });
      const next = { ...created.body, spec: {}, metadata: { ...created.body.metadata, generation: 9 } };
      const written = await api.send("PUT", `${path}/x/status`, next);
      expect([written.code, written.body.message]).toEqual([200, undefined]);
      expect(written.body["spec"]).toEqual(created.body["spec"]);
      expect(written.body.metadata.generation).toBe(generation);
    },
  );

  it.each([
    ["/apis/apps/v1/namespaces/default/deployments", { selector, template }, { annotations: "new" }],
    ["/apis/apps/v1/namespaces/default/replicasets", { selector, template }, { labels: "new", annotations: "new" }],
    [
      "/apis/storage.k8s.io/v1/volumeattachments",
      { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } },
      {},
    ],
  ])("of the metadata of %s /status changes what Kubernetes lets it: %j", async (path, spec, changed) => {
    const { body } = await api.send("POST", path, { metadata: { name: "x" }, spec });
    const marked = { ...body, metadata: { ...body.metadata, labels: { l: "new" }, annotations: { l: "new" } } };
    const written = (await api.send("PUT", `${path}/x/status`, marked)).body.metadata;
    const found = Object.fromEntries(
      (["labels", "annotations"] as const).flatMap((name) => (written[name] ? [[name, written[name]["l"]]] : [])),
    );
    expect(found).toEqual(changed);
  });

  it("is not owned by who creates a job", async () => {
    const path = "/apis/batch/v1/namespaces/default/jobs";
    const { body } = await api.send("POST", path, { metadata: { name: "x" }, spec: { template: once }, status: {} });
    const owned = JSON.stringify(body.metadata.managedFields);
    expect(owned).toContain('"f:template"');
    expect(["f:selector", "controller-uid", "f:status"].filter((name) => owned.includes(name))).toEqual([]);
  });

  it.each([
    ["/apis/storage.k8s.io/v1/csidrivers", { spec: {} }],
    ["/apis/node.k8s.io/v1/runtimeclasses", { handler: "h" }],
  ])("%s is not overwritten by who does not say what it read", async (path, body) => {
    await api.send("POST", path, { metadata: { name: "x" }, ...body });
    const answer = await api.send("PUT", `${path}/x`, { metadata: { name: "x" }, ...body });
    expect([answer.code, answer.body.message]).toEqual([
      422,
      expect.stringContaining("metadata.resourceVersion: Invalid value: 0: must be specified for an update"),
    ]);
  });
});

describe("kinds with a way of their own", () => {
  it("a limit range without a name is given one", async () => {
    const made = await api.send("POST", "/api/v1/namespaces/default/limitranges", { spec: { limits: [] } });
    expect(made.code).toBe(201);
    expect(made.body.metadata.name).toMatch(/^[0-9a-f]{8}-/);
  });

  it("a service account keeps the names of its secrets only", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts";
    const secrets = [{ name: "s", kind: "Secret", namespace: "other" }];
    const made = await api.send("POST", path, { metadata: { name: "a" }, secrets });
    expect(made.body["secrets"]).toEqual([{ name: "s" }]);
    const put = await api.send("PUT", `${path}/a`, { metadata: { name: "a" }, secrets: [{ name: "t", uid: "u" }] });
    expect(put.body["secrets"]).toEqual([{ name: "t" }]);
  });

  it("a namespace keeps its finalizers in their order", async () => {
    const spec = { finalizers: ["example.com/b", "example.com/b"] };
    const made = await api.send("POST", "/api/v1/namespaces", { metadata: { name: "one" }, spec });
    expect(made.body["spec"]).toEqual({ finalizers: ["example.com/b", "example.com/b", "kubernetes"] });
    const status = await api.send("PUT", "/api/v1/namespaces/one/status", { metadata: { name: "one" } });
    expect(status.body["status"]).toEqual({ phase: "Active" });
  });

  it("a profile in a pod's annotations becomes its container's, where the pod has another", async () => {
    const key = "container.apparmor.security.beta.kubernetes.io/c";
    const profileBy = async (annotation: string, appArmorProfile?: object): Promise<unknown> => {
      const { body } = await api.send("POST", "/api/v1/namespaces/default/pods?dryRun=All", {
        metadata: { name: "p", annotations: { [key]: annotation } },
        spec: { ...template.spec, securityContext: { appArmorProfile } },
      });
      return (body["spec"] as { containers: { securityContext?: object }[] }).containers[0]?.securityContext;
    };
    expect(await profileBy("localhost/a")).toEqual({
      appArmorProfile: { type: "Localhost", localhostProfile: "a" },
    });
    expect(await profileBy("unconfined", { type: "Unconfined" })).toBeUndefined();
    expect(await profileBy("")).toBeUndefined();
  });

  it("a pod's keys of labels become a part of its selectors", async () => {
    const term = { topologyKey: "zone", labelSelector: {}, matchLabelKeys: ["a", "none"], mismatchLabelKeys: ["b"] };
    const constraint = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["a"] };
    const { body } = await api.send("POST", "/api/v1/namespaces/default/pods", {
      metadata: { name: "p", labels: { a: "1", b: "2" } },
      spec: {
        ...template.spec,
        affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
        topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels: { x: "y" } } }],
      },
    });
    const inA = { key: "a", operator: "In", values: ["1"] };
    expect(body["spec"]).toMatchObject({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchExpressions: [inA, { key: "b", operator: "NotIn", values: ["2"] }] } },
          ],
        },
      },
      topologySpreadConstraints: [{ labelSelector: { matchLabels: { x: "y" }, matchExpressions: [inA] } }],
    });
  });

  it("a node that has no configuration from the cluster gets none", async () => {
    const spec = { configSource: { configMap: { name: "c" } } };
    const made = await api.send("POST", "/api/v1/nodes", { metadata: { name: "n" }, spec });
    expect(made.body["spec"]).not.toHaveProperty("configSource");
  });
});

describe("the number of a daemon set's template", () => {
  const path = "/apis/apps/v1/namespaces/default/daemonsets";
  const name = "deprecated.daemonset.template.generation";

  it("is kept in an annotation, counts changes of the template, and is nobody else's to set", async () => {
    const numbers = ({ metadata }: Body): unknown[] => [metadata.annotations?.[name], metadata.generation];
    const given = { metadata: { name: "d" }, spec: { selector, template } };
    const made = await api.send("POST", path, given);
    expect([made.code, numbers(made.body)]).toEqual([201, ["1", 1]]);
    expect(JSON.stringify(made.body.metadata.managedFields)).toContain(`"f:${name}":{}`);
    const image = { spec: { template: { ...template, spec: { containers: [{ name: "c", image: "j" }] } } } };
    const merge = { "content-type": "application/merge-patch+json" };
    expect(numbers((await api.send("PATCH", `${path}/d`, image, merge)).body)).toEqual(["2", 2]);
    const other = { metadata: { annotations: { [name]: "9" } }, spec: { minReadySeconds: 3 } };
    expect(numbers((await api.send("PATCH", `${path}/d`, other, merge)).body)).toEqual(["2", 3]);
    const none = { metadata: { annotations: null }, status: { numberReady: 1 } };
    expect(numbers((await api.send("PATCH", `${path}/d/status`, none, merge)).body)).toEqual(["2", 3]);
  });
});

describe("an object that lacks what it must have", () => {
  const bodies = [
    {},
    { metadata: null },
    { metadata: { name: "some" } },
    { metadata: { name: "some" }, spec: {} },
    { metadata: { name: "some" }, spec: { template: {}, rules: [{}], versions: [{}] } },
  ];
  const merge = { "content-type": "application/merge-patch+json" };

  it.each(resources.filter(({ verbs }) => verbs.includes("create")))(
    "is the client's mistake: $resource of $group/$version",
    async ({ group, version, resource, namespaced, verbs }) => {
      const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
      const path = `${root}${namespaced ? "/namespaces/default" : ""}/${resource}`;
      for (const body of bodies) {
        const { code, body: answer } = await api.send("POST", path, body);
        expect([body, code < 500 ? "" : answer.message]).toEqual([body, ""]);
        if (!verbs.includes("patch")) continue;
        const changed = await api.send("PATCH", `${path}/some`, { ...body, spec: null }, merge);
        expect([body, changed.code < 500 ? "" : changed.body.message]).toEqual([body, ""]);
      }
    },
  );
});
