import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configMaps, deafen, deployment, deployments, merge } from "../../testing/bodies.ts";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";
import { StorageError } from "../core/storage.ts";

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

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
