import { afterEach, describe, expect, it } from "vitest";
import { deployment, deployments } from "../../testing/bodies.ts";
import { createTestApi } from "../../testing/test-api.ts";
import type { TestAnswer } from "../../testing/test-api.ts";

const api = createTestApi();
afterEach(async () => {
  await api.send("DELETE", path);
  api.stop();
});
const path = `${deployments}/web`;

const scale = (replicas: number) => ({
  apiVersion: "autoscaling/v1",
  kind: "Scale",
  metadata: { name: "web", namespace: "default" },
  spec: { replicas },
});
const put = (body: object, manager: string): Promise<TestAnswer> =>
  api.send("PUT", `${path}/scale?fieldManager=${manager}`, body);
const apply = (at: string, body: object, query: string): Promise<TestAnswer> =>
  api.send("PATCH", `${at}?${query}`, body, { "content-type": "application/apply-patch+yaml" });

/** Who owns the number of replicas. */
async function owners(): Promise<string[]> {
  const { body } = await api.send("GET", path);
  return (body.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('"f:replicas"'))
    .map(({ manager, operation, subresource = "" }) => `${manager ?? ""} ${operation ?? ""} ${subresource}`.trim());
}

describe("scale", () => {
  it("whoever scales owns the number, and who owned it before does not any more", async () => {
    await apply(path, deployment(1), "fieldManager=a");
    expect(await owners()).toEqual(["a Apply"]);
    await put(scale(3), "b");
    expect(await owners()).toEqual(["b Update scale"]);
    const { code, body } = await apply(path, deployment(4), "fieldManager=a");
    expect([code, body.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "b" with subresource "scale" using apps/v1: .spec.replicas',
    ]);
  });

  it("applying a scale takes the number from others only by force, and shares one that it repeats", async () => {
    await api.send("POST", `${deployments}?fieldManager=maker`, deployment(2));
    const refused = await apply(`${path}/scale`, scale(5), "fieldManager=c");
    expect([refused.code, refused.body.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "maker" using autoscaling/v1 at 2026-01-01T00:00:00Z: .spec.replicas',
    ]);
    expect((await apply(`${path}/scale`, scale(2), "fieldManager=c")).code).toBe(200);
    expect(await owners()).toEqual(["c Apply scale", "maker Update"]);
    const forced = await apply(`${path}/scale`, scale(5), "fieldManager=d&force=true");
    expect([forced.code, forced.body["spec"]]).toEqual([200, { replicas: 5 }]);
    expect(await owners()).toEqual(["d Apply scale"]);
    expect((await apply(`${path}/scale`, scale(6), "fieldManager=d")).code).toBe(200);
  });

  it("a scale of another name or namespace is refused", async () => {
    await api.send("POST", deployments, deployment(2));
    const said = async (metadata: object): Promise<unknown> => {
      const { code, body } = await put({ ...scale(1), metadata }, "a");
      return [code, body.message];
    };
    expect(await said({ name: "x", namespace: "default" })).toEqual([
      400,
      "the name of the object (x) does not match the name on the URL (web)",
    ]);
    expect(await said({ name: "web", namespace: "x" })).toEqual([
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ]);
  });

  it("applying a scale is refused for another kind, another type, and without a manager", async () => {
    await api.send("POST", deployments, deployment(2));
    const said = async (body: object, query = "fieldManager=a"): Promise<unknown> => {
      const answer = await apply(`${path}/scale`, body, query);
      return [answer.code, answer.body.message];
    };
    expect(await said(deployment(1))).toEqual([400, "invalid object type: apps/v1, Kind=Deployment"]);
    expect(await said({ ...scale(1), spec: { replicas: "x" } })).toEqual([
      400,
      "failed to create typed patch object (default/web; autoscaling/v1, Kind=Scale): .spec.replicas: expected numeric (int or float), got string",
    ]);
    expect(await said(scale(1), "")).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
  });
});
