// Ranges of service addresses become ready, and go only when no address is lost with them.
import fc from "fast-check";
import { expect, it } from "vitest";
import { ipAddresses, serviceCIDRs } from "@coxswain/api/networking/v1";
import type { IPAddress, ServiceCIDR } from "@coxswain/api/networking/v1";
import { createWorld } from "../../../testing/world.ts";
import { createServiceCidrController } from "./controller.ts";
import { planServiceCidr, rangeFinalizer } from "./plan.ts";

const range = (name: string, ...cidrs: string[]): ServiceCIDR => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "ServiceCIDR",
  metadata: { name },
  spec: { cidrs },
});
const address = (name: string): IPAddress => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "IPAddress",
  metadata: { name },
  spec: { parentRef: { group: "", resource: "services", namespace: "default", name: "web" } },
});

it("a range is held and ready; deleted, it stays until its last address has gone, and a while", async () => {
  const world = createWorld(1);
  const manager = world.start(createServiceCidrController);
  const client = world.api.resource(serviceCIDRs);
  await client.create(range("more", "10.200.0.0/24"));
  await world.api.resource(ipAddresses).create(address("10.200.0.7"));
  await world.settle(2);
  const look = () =>
    world.api
      .all(serviceCIDRs)
      .map(({ metadata, status }) => [
        metadata.finalizers,
        status?.conditions?.map((one) => `${one.type}=${one.status} ${one.reason}`),
      ]);
  expect(look()).toEqual([[[rangeFinalizer], ["Ready=True "]]]);
  await client.delete({ name: "more" });
  await world.settle(30);
  expect(look()).toEqual([[[rangeFinalizer], ["Ready=False Terminating"]]]);
  await world.api.resource(ipAddresses).delete({ name: "10.200.0.7" });
  await world.settle(2);
  expect(look()).toEqual([]);
  await manager.stop();
});

it("a range goes at once, after the parting time, when another one holds its addresses too", async () => {
  const world = createWorld(2);
  const manager = world.start(createServiceCidrController);
  const client = world.api.resource(serviceCIDRs);
  await client.create(range("small", "10.200.0.0/24"));
  await client.create(range("large", "10.200.0.0/16"));
  await world.api.resource(ipAddresses).create(address("10.200.0.7"));
  await world.settle(2);
  await client.delete({ name: "small" });
  await world.settle(8);
  expect(world.api.all(serviceCIDRs)).toHaveLength(2);
  await world.settle(4);
  expect(world.api.all(serviceCIDRs).map(({ metadata }) => metadata.name)).toEqual(["large"]);
  await manager.stop();
});

it("no order of deletions leaves an address without a range", () => {
  const cidr = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 22, max: 28 }), fc.boolean());
  const check = fc.property(
    fc.array(cidr, { minLength: 1, maxLength: 5 }),
    fc.array(fc.nat(255), { maxLength: 5 }),
    (cidrs, hosts) => {
      let left = cidrs.map(([block, bits, leaving], index): ServiceCIDR => {
        const made = range(`r${index}`, `10.200.${block}.0/${bits}`);
        const metadata = { ...made.metadata, finalizers: [rangeFinalizer] };
        return { ...made, metadata: leaving ? { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } : metadata };
      });
      const addresses = hosts.map((host) => address(`10.200.0.${host}`));
      const covered = (ranges: readonly ServiceCIDR[]): readonly string[] =>
        addresses
          .filter(({ metadata }) =>
            ranges.some((one) => {
              // Asked of the plan itself: a range alone in the world that goes keeps the addresses that are its own.
              const leaving = { ...one, metadata: { ...one.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
              const { actions } = planServiceCidr({
                range: leaving,
                others: [],
                addresses: [address(metadata.name)],
                nowMs: Date.parse("2026-02-01T00:00:00Z"),
              });
              return !actions.some(({ kind }) => kind === "let-go");
            }),
          )
          .map(({ metadata }) => metadata.name);
      const before = covered(left);
      for (const one of left) {
        const others = left.filter((other) => other !== one);
        const { actions } = planServiceCidr({
          range: one,
          others,
          addresses,
          nowMs: Date.parse("2026-02-01T00:00:00Z"),
        });
        if (actions.some(({ kind }) => kind === "let-go")) left = others;
      }
      expect(covered(left)).toEqual(before);
    },
  );
  fc.assert(check);
});
