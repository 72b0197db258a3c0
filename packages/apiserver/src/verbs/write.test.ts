import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import type { TestAnswer, TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";
import { StorageError } from "../core/storage.ts";

const pods = "/api/v1/namespaces/default/pods";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const configMaps = "/api/v1/namespaces/default/configmaps";
const pod = (name: string, more: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, ...more },
  spec: { containers: [{ name: "c", image: "x:1" }] },
});
const deployment = (replicas: number): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "x:1" }] } },
  },
});
const merge = { "content-type": "application/merge-patch+json" };
const apply = { "content-type": "application/apply-patch+yaml" };

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

/** Caches that begin from now on hear of nothing that happens after. */
function deafen({ storage }: TestApi): void {
  // eslint-disable-next-line require-yield
  storage.watch = async function* (_from, _to, _after, signal) {
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  };
}

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

describe("update", () => {
  it("update counts generations for changes of the specification alone, and keeps status", async () => {
    await api.send("POST", deployments, deployment(1));
    await api.send("PATCH", `${deployments}/web/status`, { status: { replicas: 1 } }, merge);
    const { body } = await api.send("PUT", `${deployments}/web`, { ...deployment(2), status: { replicas: 9 } });
    expect(body.metadata.generation).toBe(2);
    expect(body["status"]).toMatchObject({ replicas: 1 });
    const labelled = await api.send("PATCH", `${deployments}/web`, { metadata: { labels: { a: "b" } } }, merge);
    expect(labelled.body.metadata.generation).toBe(2);
  });

  it("update with an old resourceVersion, or one that is none, is a conflict", async () => {
    const { body } = await api.send("POST", configMaps, { metadata: { name: "c" }, data: { a: "1" } });
    await api.send("PUT", `${configMaps}/c`, { metadata: { name: "c" }, data: { a: "2" } });
    for (const resourceVersion of [body.metadata.resourceVersion, "x"]) {
      const metadata = { ...body.metadata, resourceVersion };
      const answer = await api.send("PUT", `${configMaps}/c`, { ...body, metadata, data: { a: "3" } });
      expect([answer.code, answer.body.message]).toEqual([
        409,
        'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
      ]);
    }
  });

  it("update without a change writes nothing", async () => {
    const { body } = await api.send("POST", configMaps, { metadata: { name: "c" }, data: { a: "1" } });
    const answer = await api.send("PUT", `${configMaps}/c`, body);
    expect(answer.body.metadata.resourceVersion).toBe(body.metadata.resourceVersion);
  });

  it("changes begin with what is in memory, and what speaks against them is asked of the store when that is newer", async () => {
    const made = (data: object): object => ({ metadata: { name: "c" }, data });
    await api.send("POST", configMaps, made({ a: "1" }));
    deafen(api);
    await api.send("GET", configMaps);
    const data = async (): Promise<unknown> => (await api.send("GET", `${configMaps}/c`)).body["data"];
    await api.send("PUT", `${configMaps}/c`, made({ a: "2" }));
    await api.send("PATCH", `${configMaps}/c`, { data: { b: "1" } }, merge);
    expect(await data()).toEqual({ a: "2", b: "1" });
    // A version that memory has not heard of.
    const { body } = await api.send("GET", `${configMaps}/c`);
    expect((await api.send("PUT", `${configMaps}/c`, { ...body, data: { a: "3" } })).code).toBe(200);
    // No change to what is in memory, but one to what is stored.
    expect((await api.send("PUT", `${configMaps}/c`, made({ a: "1" }))).code).toBe(200);
    expect(await data()).toEqual({ a: "1" });
    await api.send("DELETE", `${configMaps}/c`);
    expect((await api.send("PATCH", `${configMaps}/c`, { data: { b: "2" } }, merge)).code).toBe(404);
  });

  it("update of a lease needs its resourceVersion, and creates it when it is not there", async () => {
    const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    expect((await api.send("PUT", `${leases}/l`, { metadata: { name: "l" }, spec: {} })).code).toBe(201);
    const { code, body } = await api.send("PUT", `${leases}/l`, {
      metadata: { name: "l" },
      spec: { holderIdentity: "x" },
    });
    expect([code, body.message]).toEqual([
      422,
      expect.stringContaining("metadata.resourceVersion: Invalid value: 0: must be specified for an update"),
    ]);
  });
});

describe("patch", () => {
  beforeEach(async () => void (await api.send("POST", deployments, deployment(1))));

  it("patch merges strategically by the keys of lists", async () => {
    const containers = [{ name: "d", image: "y" }];
    const { body } = await api.send(
      "PATCH",
      `${deployments}/web`,
      { spec: { template: { spec: { containers } } } },
      { "content-type": "application/strategic-merge-patch+json" },
    );
    const template = (body["spec"] as { template: { spec: { containers: { name: string }[] } } }).template;
    expect(template.spec.containers.map(({ name }) => name)).toEqual(["d", "c"]);
  });

  it("patch takes JSON patches, and refuses those whose test fails", async () => {
    const json = { "content-type": "application/json-patch+json" };
    expect(
      (await api.send("PATCH", `${deployments}/web`, [{ op: "replace", path: "/spec/replicas", value: 7 }], json)).body[
        "spec"
      ],
    ).toMatchObject({ replicas: 7 });
    expect(
      (await api.send("PATCH", `${deployments}/web`, [{ op: "test", path: "/spec/replicas", value: 1 }], json)).code,
    ).toBe(422);
  });

  it.each([
    [
      "strategic-merge-patch",
      { spec: { priority: "high" } },
      ' "" is invalid: patch: Invalid value: "map[spec:map[priority:high]]": unrecognized type: int32',
    ],
    [
      "strategic-merge-patch",
      { spec: { tolerations: "all" }, metadata: { labels: { a: null, b: "c" } } },
      ' "" is invalid: patch: Invalid value: "map[metadata:map[labels:map[a:<nil> b:c]] spec:map[tolerations:all]]": cannot restore slice from string',
    ],
    [
      "strategic-merge-patch",
      { spec: { foo: [1, true] } },
      ' "" is invalid: patch: Invalid value: "map[spec:map[foo:[1 true]]]": strict decoding error: unknown field "spec.foo"',
    ],
    [
      "merge-patch",
      { spec: { priority: "high" } },
      "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32",
    ],
  ])("a %s that makes something else than a pod is refused: %j", async (form, body, words) => {
    await api.send("POST", pods, pod("a"));
    const headers = { "content-type": `application/${form}+json` };
    const answer = await api.send("PATCH", `${pods}/a?fieldValidation=Strict`, body, headers);
    expect([answer.code, answer.body.reason]).toEqual([422, "Invalid"]);
    expect(answer.body.message?.startsWith(' "" is invalid: patch: Invalid value: ')).toBe(true);
    expect(answer.body.message?.endsWith(words)).toBe(true);
  });

  it("patch of an unknown media type is 415", async () => {
    expect((await api.send("PATCH", `${deployments}/web`, {}, { "content-type": "text/plain" })).code).toBe(415);
  });

  it("apply creates, is the same the second time, and conflicts with another manager unless forced", async () => {
    const config = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "1" } };
    const first = await api.send("PATCH", `${configMaps}/c?fieldManager=one`, config, apply);
    expect(first.code).toBe(201);
    const second = await api.send("PATCH", `${configMaps}/c?fieldManager=one`, config, apply);
    expect([second.code, second.body.metadata.resourceVersion]).toEqual([200, first.body.metadata.resourceVersion]);
    const other = { ...config, data: { a: "2" } };
    const refused = await api.send("PATCH", `${configMaps}/c?fieldManager=two`, other, apply);
    expect([refused.code, refused.body.reason]).toEqual([409, "Conflict"]);
    const forced = await api.send("PATCH", `${configMaps}/c?fieldManager=two&force=true`, other, apply);
    expect(forced.body["data"]).toEqual({ a: "2" });
  });

  it("apply without a manager is refused", async () => {
    expect((await api.send("PATCH", `${configMaps}/c`, {}, apply)).body.message).toBe(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  });
});

describe("many writers of one object", () => {
  it("patches and applies that name no version all get through, and none is lost", async () => {
    const path = `${configMaps}/crowded`;
    await api.send("POST", configMaps, { metadata: { name: "crowded" } });
    const merge = { "content-type": "application/merge-patch+json" };
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_unused, index) => api.send("PATCH", path, { data: { [`k${index}`]: "v" } }, merge)),
    );
    expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 200));
    const { body } = await api.send("GET", path);
    expect(Object.keys(body["data"] as object)).toHaveLength(60);
  });

  it("applies that race to make an object make it once and change it after", async () => {
    const apply = { "content-type": "application/apply-patch+yaml" };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_unused, index) =>
        api.send(
          "PATCH",
          `${configMaps}/raced?fieldManager=m${index}`,
          { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raced" }, data: { [`k${index}`]: "v" } },
          apply,
        ),
      ),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    const { body } = await api.send("GET", `${configMaps}/raced`);
    expect(Object.keys(body["data"] as object)).toHaveLength(8);
  });
});

describe("owners of fields", () => {
  it("whoever creates an object owns what was sent, not what admission added", async () => {
    type Map = ApiObject & { readonly data: object };
    const withMore = (map: Map): Map => ({ ...map, data: { ...map.data, added: "by admission" } });
    const admit = ({ object }: { readonly object: ApiObject | undefined }): ApiObject | undefined =>
      object && withMore(object as Map);
    const admitting = createTestApi([{ name: "Adds", handles: () => true, admit }]);
    const created = await admitting.send("POST", `${configMaps}?fieldManager=me`, {
      metadata: { name: "c" },
      data: { sent: "by me" },
    });
    admitting.stop();
    expect(created.body["data"]).toEqual({ sent: "by me", added: "by admission" });
    expect(created.body.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ["me", { "f:data": { ".": {}, "f:sent": {} } }],
    ]);
  });
});

describe("who an object is", () => {
  it.each([
    [
      "PUT with another uid",
      "PUT",
      "c",
      { uid: "x" },
      409,
      "StorageError: invalid object, Code: 4, Key: KEY/c, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: UID",
    ],
    [
      "PUT with a uid of what is not there",
      "PUT",
      "none",
      { uid: "x" },
      409,
      "StorageError: invalid object, Code: 4, Key: KEY/none, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: ",
    ],
    ["PATCH of the uid", "PATCH", "c", { uid: "x" }, 422, 'metadata.uid: Invalid value: "x": field is immutable'],
    [
      "PATCH that begins a deletion",
      "PATCH",
      "c",
      { deletionTimestamp: "2020-01-01T00:00:00Z" },
      422,
      'metadata.deletionTimestamp: Invalid value: "2020-01-01T00:00:00Z": field is immutable',
    ],
    [
      "PUT that gives a deletion its grace",
      "PUT",
      "c",
      { deletionGracePeriodSeconds: 3 },
      422,
      "metadata.deletionGracePeriodSeconds: Invalid value: 3: field is immutable",
    ],
  ] as const)("%s is refused", async (_what, verb, name, metadata, code, why) => {
    const { uid = "" } = (await api.send("POST", configMaps, { metadata: { name: "c" } })).body.metadata;
    const answer = await api.send(
      verb,
      `${configMaps}/${name}`,
      { metadata: { name, ...metadata } },
      verb === "PATCH" ? merge : {},
    );
    const head =
      code === 409 ? `Operation cannot be fulfilled on configmaps "${name}"` : `ConfigMap "${name}" is invalid`;
    const words = why
      .replace("KEY", "/registry/configmaps/default")
      .replace("UID in object meta: UID", `UID in object meta: ${uid}`);
    expect([answer.code, answer.body.message]).toEqual([code, `${head}: ${words}`]);
  });

  it("what is too large for the store with its owners is stored without them, but for applied configurations", async () => {
    const { create, replace } = api.storage;
    const checked =
      <Args extends [string, Buffer, ...unknown[]], Outcome>(write: (...args: Args) => Promise<Outcome>) =>
      (...args: Args) => {
        if (args[1].length > 500) throw new StorageError("too-large", "etcdserver: request is too large");
        return write(...args);
      };
    api.storage.create = checked(create);
    api.storage.replace = checked(replace);
    const data = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`quite-a-long-name-${index}`, ""]));
    const made = await api.send("POST", configMaps, { metadata: { name: "c" }, data });
    const changed = await api.send("PUT", `${configMaps}/c`, {
      metadata: {
        name: "c",
        managedFields: [
          {
            manager: "m",
            operation: "Update",
            apiVersion: "v1",
            fieldsType: "FieldsV1",
            fieldsV1: { "f:data": Object.fromEntries(Object.keys(data).map((name) => [`f:${name}`, {}])) },
          },
        ],
      },
      data: { ...data, a: "b" },
    });
    for (const { code, body } of [made, changed]) {
      expect(code).toBeLessThan(202);
      expect(body.metadata.managedFields).toBeUndefined();
    }
    const applied = await api.send(
      "PATCH",
      `${configMaps}/c?fieldManager=a`,
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } },
      { "content-type": "application/apply-patch+yaml" },
    );
    expect(applied.code).toBe(413);
  });
});

describe("delete", () => {
  it("delete removes what nothing holds and says what it was", async () => {
    const { body } = await api.send("POST", configMaps, { metadata: { name: "c" } });
    const answer = await api.send("DELETE", `${configMaps}/c`);
    expect(answer.body).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "c", kind: "configmaps", uid: body.metadata.uid },
    });
    expect((await api.send("GET", `${configMaps}/c`)).code).toBe(404);
  });

  it("delete leaves a running pod its grace; a second one with none removes it", async () => {
    await api.send("POST", pods, pod("a"));
    await api.send("POST", `${pods}/a/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "a" },
      target: { kind: "Node", name: "n" },
    });
    const first = await api.send("DELETE", `${pods}/a`);
    expect(first.body.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:30Z",
      deletionGracePeriodSeconds: 30,
      generation: 2,
    });
    const second = await api.send("DELETE", `${pods}/a`);
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const last = await api.send("DELETE", `${pods}/a?gracePeriodSeconds=0`);
    expect(last.body).toMatchObject({ kind: "Pod", metadata: { name: "a" } });
    expect((await api.send("GET", `${pods}/a`)).code).toBe(404);
  });

  it("delete waits for finalizers; the update that takes the last one removes the object", async () => {
    await api.send("POST", configMaps, { metadata: { name: "c", finalizers: ["example.com/x"] } });
    const { body } = await api.send("DELETE", `${configMaps}/c`);
    expect(body.metadata.deletionTimestamp).toBe("2026-01-01T00:00:00Z");
    await api.send("PATCH", `${configMaps}/c`, { metadata: { finalizers: null } }, merge);
    expect((await api.send("GET", `${configMaps}/c`)).code).toBe(404);
  });

  it.each([
    ["Foreground", ["foregroundDeletion"]],
    ["Orphan", ["orphan"]],
  ])("delete with propagation policy %s leaves it to the garbage collector", async (policy, finalizers) => {
    await api.send("POST", deployments, deployment(1));
    const { body } = await api.send("DELETE", `${deployments}/web`, {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy: policy,
    });
    expect(body.metadata.finalizers).toEqual(finalizers);
  });

  it("delete with the wrong uid is a conflict", async () => {
    const { uid } = (await api.send("POST", configMaps, { metadata: { name: "c" } })).body.metadata;
    const { code, body } = await api.send("DELETE", `${configMaps}/c`, { preconditions: { uid: "other" } });
    expect([code, body.message]).toEqual([
      409,
      `Operation cannot be fulfilled on ConfigMap "c": the UID in the precondition (other) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    ]);
  });

  it("delete answers 202 to orphanDependents=false while something holds the object", async () => {
    await api.send("POST", configMaps, { metadata: { name: "free" } });
    await api.send("POST", configMaps, { metadata: { name: "held", finalizers: ["example.com/x"] } });
    const remove = async (name: string, query: string): Promise<number> =>
      (await api.send("DELETE", `${configMaps}/${name}?${query}`)).code;
    expect(await remove("free", "orphanDependents=false")).toBe(200);
    expect(await remove("held", "orphanDependents=false&dryRun=All")).toBe(202);
    expect(await remove("held", "orphanDependents=false")).toBe(202);
    expect(await remove("held", "orphanDependents=false")).toBe(202);
    expect(await remove("held", "propagationPolicy=Background")).toBe(200);
  });

  it("deletions begin with what is in memory, and what speaks against them is asked of the store when that is newer", async () => {
    const made = (name: string, finalizers: string[] = []): object => ({ metadata: { name, finalizers } });
    for (const name of ["plain", "held", "again"]) await api.send("POST", configMaps, made(name));
    await api.send("POST", configMaps, made("going", ["example.com/x"]));
    await api.send("DELETE", `${configMaps}/going`);
    deafen(api);
    await api.send("GET", configMaps);
    const { get } = api.storage;
    const reads: string[] = [];
    api.storage.get = (key) => {
      reads.push(key);
      return get(key);
    };
    const remove = (name: string, body?: object): Promise<TestAnswer> =>
      api.send("DELETE", `${configMaps}/${name}`, body);
    expect([(await remove("plain")).code, (await remove("plain")).code]).toEqual([200, 404]);
    // Memory has not heard of the finalizer.
    await api.send("PUT", `${configMaps}/held`, made("held", ["example.com/x"]));
    const { body } = await remove("held");
    expect(body.metadata).toMatchObject({ finalizers: ["example.com/x"], deletionTimestamp: "2026-01-01T00:00:00Z" });
    // Nor that there is another one by this name.
    const { uid } = (await api.send("GET", `${configMaps}/again`)).body.metadata;
    await remove("again");
    const other = (await api.send("POST", configMaps, made("again"))).body.metadata.uid;
    expect((await remove("again", { preconditions: { uid } })).code).toBe(409);
    expect((await remove("again", { preconditions: { uid: other } })).code).toBe(200);
    // Nor that what was on its way out has gone.
    await api.send("PATCH", `${configMaps}/going`, { metadata: { finalizers: null } }, merge);
    expect((await remove("going")).code).toBe(404);
    expect(reads).toEqual([]);
  });

  it("a namespace is Terminating until /finalize takes its finalizer", async () => {
    await api.send("POST", "/api/v1/namespaces", { metadata: { name: "n" } });
    const { body } = await api.send("DELETE", "/api/v1/namespaces/n");
    expect(body["status"]).toEqual({ phase: "Terminating" });
    expect(body.metadata).not.toHaveProperty("deletionGracePeriodSeconds");
    await api.send("PUT", "/api/v1/namespaces/n/finalize", { ...body, spec: {} });
    expect((await api.send("GET", "/api/v1/namespaces/n")).code).toBe(404);
  });

  it("deletecollection deletes what the selector picks", async () => {
    for (const [name, app] of [
      ["a", "x"],
      ["b", "y"],
    ] as const)
      await api.send("POST", configMaps, { metadata: { name, labels: { app } } });
    await api.send("DELETE", `${configMaps}?labelSelector=app=x`);
    expect((await api.send("GET", configMaps)).body.items?.map(({ metadata }) => metadata.name)).toEqual(["b"]);
  });

  it("deletecollection deletes a page when it is asked for one, and nothing where a list would fail", async () => {
    for (const name of ["a", "b", "c"]) await api.send("POST", configMaps, { metadata: { name } });
    const names = async (): Promise<unknown> =>
      (await api.send("GET", configMaps)).body.items?.map(({ metadata }) => metadata.name);
    const { code, body } = await api.send("DELETE", `${configMaps}?limit=2`);
    expect([code, body.items?.map(({ metadata }) => metadata.name), await names()]).toEqual([200, ["a", "b"], ["c"]]);
    expect(body.metadata).toMatchObject({ continue: expect.stringMatching(/./), remainingItemCount: 1 });
    expect((await api.send("DELETE", `${configMaps}?continue=garbage`)).code).toBe(400);
    expect((await api.send("DELETE", `${configMaps}?resourceVersion=1&resourceVersionMatch=NotOlderThan`)).code).toBe(
      409,
    );
    expect(await names()).toEqual(["c"]);
  });

  it("preconditions may stand in the query of a deletion without body", async () => {
    await api.send("POST", configMaps, { metadata: { name: "a" } });
    for (const query of ["uid=other", "resourceVersion=1"])
      expect((await api.send("DELETE", `${configMaps}/a?${query}`)).body).toMatchObject({ code: 409 });
    expect((await api.send("GET", `${configMaps}/a`)).code).toBe(200);
  });

  it("who creates what is leaving is told so", async () => {
    await api.send("POST", configMaps, { metadata: { name: "a", finalizers: ["x.y/z"] } });
    await api.send("DELETE", `${configMaps}/a`);
    const { body } = await api.send("POST", configMaps, { metadata: { name: "a" } });
    expect([body.reason, body.message]).toEqual([
      "AlreadyExists",
      'object is being deleted: configmaps "a" already exists',
    ]);
  });
});

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
