import { afterEach, beforeEach, expect, test } from "vitest";
import type { TestApi } from "../../testing/test-api.ts";
import { createTestApi } from "../../testing/test-api.ts";

let api: TestApi;
beforeEach(() => {
  api = createTestApi();
});
afterEach(() => api.stop());

test.each([
  [{ metadata: { name: "p" }, target: {} }, 422, 'Binding "p" is invalid: target.name: Required value'],
  [
    { metadata: { name: "p" }, target: { kind: "Pod" } },
    422,
    'Binding "p" is invalid: [target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
  ],
  [{ metadata: {}, target: { name: "n" } }, 400, "Name parameter required."],
  [{ metadata: { name: "p" }, target: { name: "n" } }, 404, 'pods "p" not found'],
])("a binding that says %j is refused", async (binding, code, message) => {
  const given = { apiVersion: "v1", kind: "Binding", ...binding };
  const { body, ...answer } = await api.send("POST", "/api/v1/namespaces/default/bindings", given);
  expect([answer.code, body.message]).toEqual([code, message]);
});
