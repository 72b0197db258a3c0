import { expect, test } from "vitest";
import { compareVersions } from "./version-order.ts";

test("versions stand in the order in which Kubernetes prefers them", () => {
  const given = [
    "v1alpha1",
    "foo1",
    "v11beta2",
    "v2",
    "v10beta3",
    "foo10",
    "v1",
    "v12alpha1",
    "v3beta1",
    "v11alpha2",
    "v10",
  ];
  expect(given.toSorted(compareVersions)).toEqual([
    ...["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "v1alpha1", "foo1", "foo10"],
  ]);
});
