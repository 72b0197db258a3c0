import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApiObject } from "@coxswain/apimachinery";
import { apply, configMaps, deployment, deployments, pod, pods } from "../../testing/bodies.ts";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => (api = createTestApi()));
afterEach(() => api.stop());

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
