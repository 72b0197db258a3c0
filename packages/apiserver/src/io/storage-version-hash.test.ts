import { expect, it } from "vitest";
import { storageVersionHash } from "./storage-version-hash.ts";

it.each([
  ["", "v1", "Pod", "xPOwRZ+Yhw8="],
  ["apps", "v1", "Deployment", "8aSe+NMegvE="],
])("of %s/%s %s is what Kubernetes says", (group, version, kind, hash) => {
  expect(storageVersionHash(group, version, kind)).toBe(hash);
});
