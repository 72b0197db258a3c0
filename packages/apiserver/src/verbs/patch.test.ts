import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestApi } from "../../testing/test-api.ts";
import type { TestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(async () => {
  api = createTestApi();
  await api.send("POST", "/api/v1/namespaces", { kind: "Namespace", apiVersion: "v1", metadata: { name: "n" } });
});
afterEach(() => api.stop());

const merge = { "content-type": "application/merge-patch+json" };

describe("a patch", () => {
  it("that merges cannot be forced, whether or not there is what it is for", async () => {
    const { code, body } = await api.send("PATCH", "/api/v1/namespaces/n/configmaps/none?force=true", {}, merge);
    expect([code, body.message]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
  });

  it.each([
    [
      "merge",
      [1],
      400,
      "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
    ],
    ["merge", "null", 400, "Invalid JSON Patch"],
    [
      "json",
      {},
      400,
      "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    ],
    ["json", [{ op: "foo", path: "/a" }], 400, 'invalid operation {"op":"foo","path":"/a"}: unsupported operation'],
    [
      "json",
      Array.from({ length: 10_001 }, () => ({ op: "remove", path: "/a" })),
      413,
      "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
    ],
  ])("of type %s that is none, case %#, is refused in Kubernetes' words", async (type, patch, code, message) => {
    await api.send("POST", "/api/v1/namespaces/n/configmaps", {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { name: "c" },
    });
    const headers = { "content-type": `application/${type === "json" ? "json" : "merge"}-patch+json` };
    const answer = await api.send("PATCH", "/api/v1/namespaces/n/configmaps/c", patch, headers);
    expect([answer.code, answer.body.message]).toEqual([code, message]);
  });

  it("of a scale comes in one of the four types", async () => {
    const path = "/apis/apps/v1/namespaces/n/deployments/none/scale";
    const codes = [];
    for (const type of ["application/json", "application/cbor", "application/merge-patch+json"])
      codes.push((await api.send("PATCH", path, {}, { "content-type": type })).code);
    expect(codes).toEqual([415, 415, 404]);
  });
});
