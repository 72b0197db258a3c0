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

  it("of a scale comes in one of the four types", async () => {
    const path = "/apis/apps/v1/namespaces/n/deployments/none/scale";
    const codes = [];
    for (const type of ["application/json", "application/cbor", "application/merge-patch+json"])
      codes.push((await api.send("PATCH", path, {}, { "content-type": type })).code);
    expect(codes).toEqual([415, 415, 404]);
  });
});
