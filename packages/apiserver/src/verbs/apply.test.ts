import { afterEach, describe, expect, it } from "vitest";
import { createTestApi } from "../../testing/test-api.ts";
import type { Body, TestAnswer } from "../../testing/test-api.ts";

const api = createTestApi();
afterEach(() => api.stop());
let count = 0;

/** A path of its own for each test. */
const deployment = (): string => `/apis/apps/v1/namespaces/default/deployments/web-${(count += 1)}`;
const nameOf = (path: string): string => path.split("/").at(-1) ?? "";

const web = (path: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: nameOf(path), ...metadata },
  spec: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "x:1" }] },
    },
    ...spec,
  },
});

function apply(path: string, body: unknown, query: string): Promise<TestAnswer> {
  return api.send("PATCH", `${path}?${query}`, body, { "content-type": "application/apply-patch+yaml" });
}
const put = (path: string, body: unknown, manager: string): Promise<TestAnswer> =>
  api.send("PUT", `${path}?fieldManager=${manager}`, body);
const merge = (path: string, body: unknown, manager: string): Promise<TestAnswer> =>
  api.send("PATCH", `${path}?fieldManager=${manager}`, body, { "content-type": "application/merge-patch+json" });
const create = (path: string, body: unknown, manager: string): Promise<TestAnswer> =>
  api.send("POST", `${path.slice(0, path.lastIndexOf("/"))}?fieldManager=${manager}`, body);

interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1: Readonly<Record<string, unknown>>;
}
const entries = (body: Body): readonly Entry[] =>
  (body.metadata as { managedFields?: readonly Entry[] }).managedFields ?? [];
const owners = (body: Body): string[] =>
  entries(body).map(
    ({ manager, operation, subresource }) =>
      `${manager} ${operation}${subresource === undefined ? "" : ` /${subresource}`}`,
  );
const spec = (body: Body): Record<string, unknown> => body["spec"] as Record<string, unknown>;

describe("apply", () => {
  it("demands the version that the path has, and a name of what is not there yet", async () => {
    const path = "/api/v1/namespaces/default/configmaps/nameless";
    const said = async (config: object): Promise<unknown> => {
      const { code, body } = await apply(path, config, "fieldManager=a&force=true");
      return [code, code < 300 ? body["data"] : body["message"]];
    };
    expect(await said({})).toEqual([400, "invalid object type: /, Kind="]);
    expect(await said({ apiVersion: "v2", kind: "ConfigMap" })).toEqual([
      400,
      "invalid object type: /v2, Kind=ConfigMap",
    ]);
    const unnamed = { apiVersion: "v1", kind: "ConfigMap", data: { a: "1" } };
    const missing = "the name of the object (nameless based on URL) was undeterminable: name must be provided";
    for (const config of [unnamed, { ...unnamed, metadata: null }, { ...unnamed, metadata: {} }])
      expect(await said(config)).toEqual([400, missing]);
    expect(await said({ ...unnamed, metadata: { name: "nameless" } })).toEqual([201, { a: "1" }]);
    expect(await said({ ...unnamed, data: { a: "2" } })).toEqual([200, { a: "2" }]);
  });

  it("apply refuses fields that the type does not have, and repeated ones when strict", async () => {
    const path = deployment();
    const template = { spec: { containers: [{ name: "c", image: "x:1", imgae: "y" }] } };
    const { code, body } = await apply(path, web(path, { template }), "fieldManager=a&fieldValidation=Ignore");
    expect([code, body["message"]]).toEqual([
      400,
      `failed to create typed patch object (/${nameOf(path)}; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="c"].imgae: field not declared in schema`,
    ]);
    const lines = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: "1"\n  a: "2"\n`;
    const map = "/api/v1/namespaces/default/configmaps/twice";
    const strict = await apply(map, lines, "fieldManager=a&fieldValidation=Strict");
    expect([strict.code, strict.body["message"]]).toEqual([
      400,
      'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "a" already set in map',
    ]);
    const lax = await apply(map, lines, "fieldManager=a&fieldValidation=Warn");
    expect([lax.code, lax.warnings, lax.body["data"]]).toEqual([
      201,
      ['line 6: key "a" already set in map'],
      { a: "2" },
    ]);
  });

  it.each([
    [{ replicas: "x" }, ".spec.replicas: expected numeric (int or float), got string"],
    [{ paused: "x" }, ".spec.paused: expected boolean, got &{x}"],
    [{ selector: [] }, ".spec.selector: expected map, got &{[]}"],
    [
      { selector: { matchLabels: { a: 1 } } },
      ".spec.selector.matchLabels.a: expected string, got &value.valueUnstructured{Value:1}",
    ],
    [
      { template: { spec: { containers: [{ name: "c" }, { name: "c" }] } } },
      '.spec.template.spec.containers: duplicate entries for key [name="c"]',
    ],
    [
      { template: { spec: { containers: [null] } } },
      ".spec.template.spec.containers: element 0: associative list with keys may not have a null element",
    ],
    [
      { replicas: "x", paused: 1 },
      "errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.paused: expected boolean, got &{1}",
    ],
  ])("apply refuses what has another type: %j", async (spec, why) => {
    const config = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "typed", namespace: "default" },
      spec,
    };
    const { code, body } = await apply("/apis/apps/v1/namespaces/default/deployments/typed", config, "fieldManager=a");
    const prefix = "failed to create typed patch object (default/typed; apps/v1, Kind=Deployment): ";
    expect([code, body.message]).toEqual([400, prefix + why]);
  });

  it("apply that states no metadata any more takes its own out, and leaves what makes the object", async () => {
    const path = deployment();
    await apply(path, web(path, {}, { labels: { a: "1" }, annotations: { b: "2" } }), "fieldManager=a");
    const { code, body } = await apply(path, web(path), "fieldManager=a");
    expect([code, body.metadata.name, body.metadata.labels, body.metadata.annotations]).toEqual([
      200,
      nameOf(path),
      undefined,
      undefined,
    ]);
  });

  it("apply that changes nothing gives a new owner no time", async () => {
    const path = deployment();
    await apply(path, web(path), "fieldManager=a");
    const { body } = await apply(path, web(path), "fieldManager=b");
    expect(entries(body).map(({ manager, time }) => [manager, time !== undefined])).toEqual([
      ["b", false],
      ["a", true],
    ]);
  });

  it("apply names conflicts of a level before those below it", async () => {
    const path = deployment();
    await apply(path, web(path, { paused: true, replicas: 1, strategy: { type: "Recreate" } }), "fieldManager=a");
    const other = web(
      path,
      { paused: false, replicas: 2, strategy: { type: "RollingUpdate" } },
      { labels: { x: "1" } },
    );
    const { body } = await apply(path, other, "fieldManager=b");
    expect(body.message).toBe(
      'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.paused\n- .spec.replicas\n- .spec.strategy.type',
    );
  });

  it("apply makes the object when it is not there, and applying the same again writes nothing", async () => {
    const path = deployment();
    const first = await apply(path, web(path), "fieldManager=a");
    expect(first.code).toBe(201);
    const again = await apply(path, web(path), "fieldManager=a");
    expect(again.code).toBe(200);
    expect(again.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
  });

  it("apply names everyone whose fields it would take, sorted, in one Status", async () => {
    const path = deployment();
    await apply(path, web(path, { replicas: 1 }), "fieldManager=a");
    await merge(path, { spec: { replicas: 2 } }, "b");
    const { code, body } = await apply(path, web(path, { replicas: 3, paused: true }), "fieldManager=c");
    expect(code).toBe(409);
    expect(body["details"]).toEqual({
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "b" using apps/v1 at 2026-01-01T00:00:00Z',
          field: ".spec.replicas",
        },
      ],
    });
    expect(body.message).toBe(
      'Apply failed with 1 conflict: conflict with "b" using apps/v1 at 2026-01-01T00:00:00Z: .spec.replicas',
    );
  });

  it("apply with force takes the field, and the other owner loses it", async () => {
    const path = deployment();
    await apply(path, web(path, { replicas: 1 }), "fieldManager=a");
    const { body } = await apply(path, web(path, { replicas: 3 }), "fieldManager=b&force=true");
    expect(spec(body)["replicas"]).toBe(3);
    const a = entries(body).find(({ manager }) => manager === "a");
    expect(a?.fieldsV1["f:spec"]).not.toHaveProperty("f:replicas");
  });

  it("apply shares a field whose value it repeats; it goes when its last owner drops it", async () => {
    const path = deployment();
    await apply(path, web(path, { minReadySeconds: 5 }), "fieldManager=a");
    await apply(path, web(path, { minReadySeconds: 5 }), "fieldManager=b");
    const kept = await apply(path, web(path), "fieldManager=a");
    expect(spec(kept.body)["minReadySeconds"]).toBe(5);
    const gone = await apply(path, web(path), "fieldManager=b");
    expect(spec(gone.body)).not.toHaveProperty("minReadySeconds");
  });

  it("apply takes out the list items that it does not state any more and leaves those of others", async () => {
    const path = deployment();
    const containers = (...names: string[]) => ({
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: names.map((name) => ({ name, image: "x:1" })) },
      },
    });
    await apply(path, web(path, containers("one", "two")), "fieldManager=a");
    await apply(path, web(path, containers("three")), "fieldManager=b");
    const { body } = await apply(path, web(path, containers("two")), "fieldManager=a");
    const template = spec(body)["template"] as { spec: { containers: { name: string }[] } };
    expect(template.spec.containers.map(({ name }) => name)).toEqual(["two", "three"]);
  });

  it("apply takes an item away with what others have put into it, unless they own the item itself", async () => {
    const path = deployment();
    const containers = (...list: readonly (object | undefined)[]) => ({
      template: { metadata: { labels: { app: "web" } }, spec: { containers: list } },
    });
    const [one, two, three] = ["one", "two", "three"].map((name) => ({ name, image: "x:1" }));
    await apply(path, web(path, containers(one, two)), "fieldManager=a");
    await apply(path, web(path, containers(two)), "fieldManager=b");
    const more = containers({ ...one, workingDir: "/w" }, { ...two, workingDir: "/w" });
    await put(path, web(path, more), "editor");
    const { body } = await apply(path, web(path, containers(three)), "fieldManager=a");
    const template = spec(body)["template"] as { spec: { containers: { name: string; workingDir?: string }[] } };
    expect(template.spec.containers.map(({ name, workingDir }) => [name, workingDir])).toEqual([
      ["two", "/w"],
      ["three", undefined],
    ]);
  });

  it("apply creates nothing by a uid", async () => {
    const path = deployment();
    const { code, body } = await apply(path, web(path, {}, { uid: "x" }), "fieldManager=a");
    expect([code, body["message"]]).toEqual([
      409,
      `Operation cannot be fulfilled on deployments.apps "${nameOf(path)}": uid mismatch: the provided object specified uid x, and no existing object was found`,
    ]);
  });

  it.each([
    ["[a b] + [c]", ["a", "b"], ["c"], ["a", "b", "c"]],
    ["[a b c] + [c a]", ["a", "b", "c"], ["c", "a"], ["b", "c", "a"]],
    ["[a b] + [x a]", ["a", "b"], ["x", "a"], ["x", "a", "b"]],
    ["[a b] + [b y]", ["a", "b"], ["b", "y"], ["a", "b", "y"]],
    ["[a b c] + [c b a]", ["a", "b", "c"], ["c", "b", "a"], ["c", "b", "a"]],
  ])("apply orders list items: %s", async (_what, live, applied, wanted) => {
    const path = deployment();
    const containers = (names: readonly string[]) => ({
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: names.map((name) => ({ name, image: "x:1" })) },
      },
    });
    await create(path, web(path, containers(live)), "maker");
    const { body } = await apply(path, web(path, containers(applied)), "fieldManager=a&force=true");
    const template = spec(body)["template"] as { spec: { containers: { name: string }[] } };
    expect(template.spec.containers.map(({ name }) => name)).toEqual(wanted);
  });

  it("apply merges sets by their values", async () => {
    const path = deployment();
    await apply(path, web(path, {}, { finalizers: ["x.io/a", "x.io/b"] }), "fieldManager=a");
    await apply(path, web(path, {}, { finalizers: ["x.io/c"] }), "fieldManager=b");
    const { body } = await apply(path, web(path, {}, { finalizers: ["x.io/b"] }), "fieldManager=a");
    expect([...(body.metadata.finalizers ?? [])].sort()).toEqual(["x.io/b", "x.io/c"]);
  });

  it.each([
    ["no field manager", "", web("/x/web-1"), 422],
    ["managed fields of its own", "fieldManager=a", web("/x/web-1", {}, { managedFields: [{ manager: "b" }] }), 400],
    ["another name than the path's", "fieldManager=a", web("/x/other"), 400],
    ["no YAML", "fieldManager=a", "{", 400],
    ["a list", "fieldManager=a", "[]", 400],
  ])("apply with %s is refused", async (_what, query, body, code) => {
    expect((await apply("/apis/apps/v1/namespaces/default/deployments/web-1", body, query)).code).toBe(code);
  });

  it("apply through /status owns status alone, under its own entry", async () => {
    const path = deployment();
    await apply(path, web(path, { replicas: 1 }), "fieldManager=a");
    const status = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: nameOf(path) },
      status: { replicas: 4 },
    };
    const { body } = await apply(`${path}/status`, status, "fieldManager=a");
    expect(owners(body)).toEqual(["a Apply", "a Apply /status"]);
    expect(body["status"]).toMatchObject({ replicas: 4 });
  });
});

describe("kubectl's way from client-side to server-side apply", () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const keptBefore = async (path: string): Promise<void> => {
    const stated = web(path, { replicas: 1 });
    await create(
      path,
      { ...stated, metadata: { ...stated.metadata, annotations: { [annotation]: JSON.stringify(stated) } } },
      "kubectl-client-side-apply",
    );
  };

  it("kubectl meets no conflict about what it applied last and nobody has changed since", async () => {
    const path = deployment();
    await keptBefore(path);
    const { code, body } = await apply(path, web(path, { replicas: 2 }), "fieldManager=kubectl");
    expect(code).toBe(200);
    expect(spec(body)["replicas"]).toBe(2);
    expect(JSON.parse(body.metadata.annotations?.[annotation] ?? "")).toMatchObject({ spec: { replicas: 2 } });
  });

  it("somebody else does", async () => {
    const path = deployment();
    await keptBefore(path);
    expect((await apply(path, web(path, { replicas: 2 }), "fieldManager=other")).code).toBe(409);
  });

  it("kubectl does, too, when the field has been changed since", async () => {
    const path = deployment();
    await keptBefore(path);
    await merge(path, { spec: { replicas: 7 } }, "scaler");
    expect((await apply(path, web(path, { replicas: 2 }), "fieldManager=kubectl")).code).toBe(409);
  });
});

describe("owners after other writes", () => {
  it("a create owns all that it states", async () => {
    const path = deployment();
    const { body } = await create(path, web(path), "maker");
    expect(owners(body)).toEqual(["maker Update"]);
  });

  it("an update takes what it changes from the others and renews its time", async () => {
    const path = deployment();
    const { body: made } = await create(path, web(path, { replicas: 1 }), "maker");
    await api.clock.advance(5000);
    const { body } = await put(path, { ...made, spec: { ...spec(made), replicas: 2 } }, "changer");
    expect(owners(body)).toEqual(["maker Update", "changer Update"]);
    expect(entries(body)[1]?.fieldsV1).toEqual({ "f:spec": { "f:replicas": {} } });
    await api.clock.advance(5000);
    const again = await merge(path, { spec: { replicas: 3 } }, "changer");
    const [before, after] = [entries(body)[1]?.time ?? "", entries(again.body)[1]?.time ?? ""];
    expect(Date.parse(after) - Date.parse(before)).toBe(5000);
  });

  it("an update may edit the managed fields themselves, except through a subresource", async () => {
    const path = deployment();
    const { body } = await create(path, web(path), "maker");
    const [entry] = entries(body);
    const renamed = [{ ...entry, manager: "heir" }];
    const { body: after } = await merge(path, { metadata: { managedFields: renamed } }, "editor");
    expect(owners(after)).toEqual(["heir Update"]);
    const { body: same } = await merge(
      `${path}/status`,
      { metadata: { managedFields: [{ ...entry, manager: "x" }] } },
      "editor",
    );
    expect(owners(same)).toEqual(["heir Update"]);
  });

  it.each([
    ["an empty list", []],
    ["one empty entry", [{}]],
  ])("%s gives up all ownership; nothing is tracked until somebody applies", async (_what, managedFields) => {
    const path = deployment();
    await create(path, web(path), "maker");
    const reset = await merge(path, { metadata: { managedFields, labels: { a: "b" } } }, "editor");
    expect(owners(reset.body)).toEqual([]);
    const changed = await merge(path, { spec: { replicas: 3 } }, "editor");
    expect(owners(changed.body)).toEqual([]);
    const { body } = await apply(path, web(path, { replicas: 1 }), "fieldManager=a&force=true");
    expect(owners(body)).toEqual(["a Apply", "before-first-apply Update"]);
  });
});
