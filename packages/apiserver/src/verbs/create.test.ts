import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import { apply, configMaps, merge, pod, pods } from "../../testing/bodies.ts";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

describe("create", () => {
  it("create fills in defaults, identity and status, and stores no resourceVersion", async () => {
    const { code, body } = await api.send("POST", pods, pod("a"));
    expect(code).toBe(201);
    expect(body.metadata).toMatchObject({
      name: "a",
      namespace: "default",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      resourceVersion: "2",
    });
    expect(body["spec"]).toMatchObject({
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      terminationGracePeriodSeconds: 30,
    });
    expect(body["status"]).toEqual({ phase: "Pending", qosClass: "BestEffort" });
    expect(api.storage.peek("/registry/pods/default/a")).toMatch(
      /^\{"kind":"Pod","apiVersion":"v1","metadata":\{"name":"a",/,
    );
    expect(api.storage.peek("/registry/pods/default/a")).not.toContain("resourceVersion");
  });

  it.each([
    [{ limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
    [{ requests: { cpu: "500m" }, limits: { memory: "1Gi" } }, "Burstable"],
  ])("create judges the quality of service by what the pod asks for as a whole: %j", async (resources, qosClass) => {
    const containers = [{ name: "c", image: "i" }];
    const { body } = await api.send("POST", pods, { ...pod("whole"), spec: { containers, resources } });
    expect(body["status"]).toEqual({ phase: "Pending", qosClass });
  });

  it("create refuses a name that is taken", async () => {
    await api.send("POST", pods, pod("a"));
    const { code, body } = await api.send("POST", pods, pod("a"));
    expect([code, body.reason, body.message]).toEqual([409, "AlreadyExists", 'pods "a" already exists']);
  });

  it("create draws names for generateName", async () => {
    const { body } = await api.send("POST", pods, { ...pod("x"), metadata: { generateName: "job-" } });
    expect(body.metadata.name).toMatch(/^job-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it("create with dryRun answers and stores nothing", async () => {
    expect((await api.send("POST", `${pods}?dryRun=All`, pod("a"))).code).toBe(201);
    expect(api.storage.peek("/registry/pods/default/a")).toBeUndefined();
  });

  it.each([
    [
      "broken JSON",
      '{"a"',
      400,
      /^the object provided is unrecognized \(must be of type Pod\): couldn't get version\/kind; json parse error: unexpected end of JSON input \(\{"a"\)$/,
    ],
    ["an empty body", "", 400, /json parse error: unexpected end of JSON input \(<empty>\)$/],
    ["other text", "hello", 400, /invalid character 'h' looking for beginning of value \(68656c6c6f\)$/],
    ["an unknown field when strict", { ...pod("a"), spce: {} }, 400, /strict decoding error: unknown field "spce"/],
    ["another kind", { apiVersion: "v1", kind: "Service" }, 400, /Service in version "v1" cannot be handled as a Pod/],
    ["another namespace", pod("a", { namespace: "other" }), 400, /does not match the namespace sent on the request/],
    ["a resourceVersion", pod("a", { resourceVersion: "5" }), 400, /should not be set on objects to be created/],
    ["an invalid name", pod("A_"), 422, /metadata.name: Invalid value: "A_"/],
  ])("create refuses %s", async (_what, body, wanted, words) => {
    const answer = await api.send("POST", `${pods}?fieldValidation=Strict`, body);
    expect(answer.code).toBe(wanted);
    expect(answer.body.message).toMatch(words);
  });

  it("create and update warn of what is probably not meant, and every verb of a kind that is on its way out", async () => {
    const twice = [
      { name: "A", value: "1" },
      { name: "A", value: "2" },
    ];
    const words = [
      'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ];
    const template = {
      metadata: { labels: { a: "b" } },
      spec: { containers: [{ name: "c", image: "i", env: twice }] },
    };
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const deployment = { metadata: { name: "d" }, spec: { selector: { matchLabels: { a: "b" } }, template } };
    const created = await api.send("POST", path, deployment);
    expect([created.code, created.warnings]).toEqual([201, words]);
    const scaled = await api.send("PUT", `${path}/d`, { ...deployment, spec: { ...deployment.spec, replicas: 2 } });
    expect([scaled.code, scaled.warnings]).toEqual([200, words]);
    expect((await api.send("PUT", `${path}/d`, scaled.body)).warnings).toEqual([]);
    const { warnings } = await api.send("GET", "/api/v1/namespaces/default/endpoints");
    expect(warnings).toEqual(["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]);
  });

  it("create warns of unknown fields when asked to warn", async () => {
    const { code, warnings } = await api.send("POST", pods, { ...pod("a"), spce: {} });
    expect([code, warnings]).toEqual([201, ['unknown field "spce"']]);
  });

  it("keeps owners once that admission names again, and says so", async () => {
    const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "1" };
    const twice = (object: ApiObject): ApiObject => ({
      ...object,
      metadata: { ...object.metadata, ownerReferences: [owner, owner] },
    });
    const admit = ({ object }: { readonly object: ApiObject | undefined }): ApiObject | undefined =>
      object && twice(object);
    const admitting = createTestApi([{ name: "Doubles", handles: () => true, admit }]);
    for (const verb of ["POST", "PUT"] as const) {
      const path = verb === "POST" ? configMaps : `${configMaps}/m`;
      const { warnings, body } = await admitting.send(verb, path, { metadata: { name: "m" } });
      expect(body.metadata.ownerReferences).toEqual([owner]);
      expect(warnings).toEqual([
        expect.stringContaining("contains duplicate entries after mutating admission happens"),
      ]);
    }
    admitting.stop();
  });

  it("keeps owners that are named twice once, and says so; patches have words of their own", async () => {
    const owner = (uid: string) => ({ apiVersion: "v1", kind: "Node", name: "n", uid });
    const words = (when = "") =>
      `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: 1`;
    const maps = "/api/v1/namespaces/default/configmaps";
    const owned = { metadata: { name: "m", ownerReferences: [owner("1"), owner("2"), owner("1")] } };
    const created = await api.send("POST", maps, owned);
    expect([created.warnings, created.body.metadata.ownerReferences]).toEqual([[words()], [owner("1"), owner("2")]]);
    const updated = await api.send("PUT", `${maps}/m`, owned);
    expect([updated.warnings, updated.body.metadata]).toEqual([[words()], created.body.metadata]);
    const again = [{ op: "add", path: "/metadata/ownerReferences/-", value: owner("1") }];
    const patched = await api.send("PATCH", `${maps}/m`, again, { "content-type": "application/json-patch+json" });
    expect([patched.warnings, patched.body.metadata]).toEqual([
      [words(" after mutating admission happens")],
      created.body.metadata,
    ]);
  });

  it("blames a config map that is too big as a whole", async () => {
    const data = { a: "x".repeat(1024 * 1024 + 1) };
    const { code, body } = await api.send("POST", "/api/v1/namespaces/default/configmaps", {
      metadata: { name: "big" },
      data,
    });
    expect([code, (body as { message?: string }).message]).toEqual([
      422,
      'ConfigMap "big" is invalid: []: Too long: may not be more than 1048576 bytes',
    ]);
  });
});

describe("paths", () => {
  it.each([
    ["GET", "/api/v1/nothing", 404],
    ["GET", `${pods}/a/nothing`, 404],
    ["PUT", pods, 405],
    ["POST", `${pods}/a`, 405],
    ["GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 405],
    ["GET", "/api/v1/pods/a", 404],
    ["GET", "/api/v1/namespaces/default/nodes", 404],
  ])("%s %s is %i", async (method, path, code) => {
    expect((await api.send(method, path, method === "GET" ? undefined : {})).code).toBe(code);
  });
});

describe("integers that doubles do not hold", () => {
  const large = "9223372036854775807";
  const stored = (): string => api.storage.peek("/registry/pods/default/a") ?? "";
  const tolerating = (seconds: string): string =>
    JSON.stringify({
      ...pod("a"),
      spec: {
        containers: [{ name: "c", image: "x:1" }],
        tolerations: [{ key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 }],
      },
    }).replace('"tolerationSeconds":0', `"tolerationSeconds":${seconds}`);

  it("are kept as they came, through patches of every kind", async () => {
    expect((await api.send("POST", pods, tolerating(large))).code).toBe(201);
    expect(stored()).toContain(`"tolerationSeconds":${large}`);
    await api.send("PATCH", `${pods}/a`, { metadata: { labels: { a: "b" } } }, merge);
    await api.send(
      "PATCH",
      `${pods}/a`,
      { metadata: { labels: { c: "d" } } },
      { "content-type": "application/strategic-merge-patch+json" },
    );
    await api.send(
      "PATCH",
      `${pods}/a`,
      `[{"op":"test","path":"/spec/tolerations/0/tolerationSeconds","value":${large}}]`,
      {
        "content-type": "application/json-patch+json",
      },
    );
    expect(stored()).toContain('"labels":{"a":"b","c":"d"}');
    expect(stored()).toContain(`"tolerationSeconds":${large}`);
    const other = await api.send(
      "PATCH",
      `${pods}/a`,
      '[{"op":"test","path":"/spec/tolerations/0/tolerationSeconds","value":9223372036854775806}]',
      {
        "content-type": "application/json-patch+json",
      },
    );
    expect(other.code).toBe(422);
    const applied = await api.send(
      "PATCH",
      `${pods}/a?fieldManager=m&force=true`,
      tolerating("9007199254740993"),
      apply,
    );
    expect(applied.code).toBe(200);
    expect(stored()).toContain('"tolerationSeconds":9007199254740993');
  });

  it("make no pod that cannot be deleted", async () => {
    const grace = tolerating("1").replace(
      '"spec":{',
      `"spec":{"nodeName":"n","terminationGracePeriodSeconds":${large},`,
    );
    expect((await api.send("POST", pods, grace)).code).toBe(201);
    expect(stored()).toContain(`"terminationGracePeriodSeconds":${large}`);
    const { code, body } = await api.send("DELETE", `${pods}/a`);
    expect([code, body.metadata.deletionGracePeriodSeconds]).toEqual([200, 200_000_000_000]);
    expect((await api.send("DELETE", `${pods}/a?gracePeriodSeconds=0`)).code).toBe(200);
  });
});
