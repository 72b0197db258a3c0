import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { sha256, storageVersionHash } from "./storage-version-hash.ts";

it.each([
  ["", "v1", "Pod", "xPOwRZ+Yhw8="],
  ["apps", "v1", "Deployment", "8aSe+NMegvE="],
])("of %s/%s %s is what Kubernetes says", (group, version, kind, hash) => {
  expect(storageVersionHash(group, version, kind)).toBe(hash);
});

it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])("the digest of %d bytes is that of the library", (length) => {
  const message = Buffer.alloc(length, "Widget");
  const digest = Buffer.concat(
    sha256(message).map((word) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(word);
      return bytes;
    }),
  );
  expect(digest.toString("hex")).toBe(createHash("sha256").update(message).digest("hex"));
});
