// What discovery says of the version in which a resource is stored: eight bytes of SHA-256 over group, version and kind, in base64. Clients
// compare it between servers and over time, so it is Kubernetes' value; it protects nothing.
import { createHash } from "node:crypto";

export function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}
