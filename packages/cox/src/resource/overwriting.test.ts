import { describe, expect, it } from "vitest";
import { findSchema } from "@coxswain/api";
import type { JsonObject } from "@coxswain/apimachinery";
import { refuseOverwriting } from "./overwriting.ts";
import { threeWayPatch } from "./three-way.ts";

const schema = findSchema({ group: "apps", version: "v1", kind: "Deployment" });
const withReplicas = (replicas: number, image: string): JsonObject => ({
  metadata: { name: "d" },
  spec: { replicas, template: { spec: { containers: [{ name: "one", image }] } } },
});
const applying = (original: JsonObject, modified: JsonObject, current: JsonObject) => (): void =>
  refuseOverwriting(original, current, threeWayPatch(original, modified, current, schema), schema);

describe("apply without overwriting", () => {
  it("refuses a field that somebody else has changed", () => {
    expect(applying(withReplicas(1, "a"), withReplicas(2, "a"), withReplicas(5, "a"))).toThrow(
      "conflict between the patch and changes made since the last apply\npatch:\nspec:\n  replicas: 2\n\nconflicts with changes made from original to current:\nspec:\n  replicas: 5\n",
    );
  });

  it("takes a field that nobody else has changed, also in a list whose items are known by a key", () => {
    expect(applying(withReplicas(1, "a"), withReplicas(1, "b"), withReplicas(5, "a"))).toThrow("replicas: 5");
    expect(applying(withReplicas(1, "a"), withReplicas(1, "b"), withReplicas(1, "a"))).not.toThrow();
    expect(applying(withReplicas(1, "a"), withReplicas(1, "b"), withReplicas(1, "c"))).toThrow("image: c");
  });
});
