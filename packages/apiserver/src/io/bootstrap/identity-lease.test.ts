import { createHash } from "node:crypto";
import type { Lease } from "@coxswain/api/coordination/v1";
import type { ApiObject } from "@coxswain/apimachinery";
import { rfc3339Micro } from "@coxswain/clock";
import { createSimulatedClock } from "@coxswain/clock/testing";
import { createLogger } from "@coxswain/daemon";
import { expect, it } from "vitest";
import { createIdentityLease, identityOf } from "./identity-lease.ts";
import type { IdentityLeasePorts } from "./identity-lease.ts";

/** Leases of one namespace, kept in memory. */
function createObjects(kept: Map<string, ApiObject>): IdentityLeasePorts["objects"] {
  return {
    readAll: async () => [...kept.values()],
    async createIfAbsent(_of, object) {
      if (kept.has(object.metadata.name)) return false;
      kept.set(object.metadata.name, object);
      return true;
    },
    async update(_of, _namespace, name, change) {
      const present = kept.get(name);
      const next = present && change(present);
      if (next) kept.set(name, next);
    },
    remove: async (_of, _namespace, name) => kept.delete(name),
  };
}

const leaseOf = (kept: ReadonlyMap<string, ApiObject>, name: string): Lease | undefined =>
  kept.get(name) as Lease | undefined;

it("keeps a lease under Kubernetes' name and labels, removes dead servers' after their hour, and its own when it stops", async () => {
  const clock = createSimulatedClock();
  const kept = new Map<string, ApiObject>();
  const old = (name: string, labels: Record<string, string>): Lease => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: "kube-system", labels },
    spec: { holderIdentity: name, leaseDurationSeconds: 3600, renewTime: rfc3339Micro(clock.now()) },
  });
  kept.set("apiserver-dead", old("apiserver-dead", { "apiserver.kubernetes.io/identity": "kube-apiserver" }));
  kept.set("kube-scheduler", old("kube-scheduler", {}));
  const server = createIdentityLease(
    { hostname: "m1" },
    { objects: createObjects(kept), clock, log: createLogger("test", "error") },
  );
  await server.start(new AbortController().signal);
  const name = identityOf("m1");
  expect(leaseOf(kept, name)).toMatchObject({
    metadata: { labels: { "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": "m1" } },
    spec: { holderIdentity: expect.stringMatching(new RegExp(`^${name}_[0-9a-f-]{36}$`)), leaseDurationSeconds: 3600 },
  });
  const first = leaseOf(kept, name)?.spec?.renewTime;
  for (let passed = 0; passed < 7_300; passed += 10) await clock.advance(10_000);
  expect(leaseOf(kept, name)?.spec?.renewTime).not.toBe(first);
  expect([...kept.keys()].sort()).toEqual([name, "kube-scheduler"].sort());
  await server.stop();
  expect([...kept.keys()]).toEqual(["kube-scheduler"]);
});

it("names the lease by the machine: 16 bytes of a digest in base 32", () => {
  const name = identityOf("m1").replace("apiserver-", "");
  expect(name).toMatch(/^[a-z2-7]{26}$/);
  const bits = [...name]
    .map((letter) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const bytes = (bits.match(/.{8}/g) ?? []).slice(0, 16).map((byte) => Number.parseInt(byte, 2));
  expect(Buffer.from(bytes)).toEqual(createHash("sha256").update("m1").digest().subarray(0, 16));
});
