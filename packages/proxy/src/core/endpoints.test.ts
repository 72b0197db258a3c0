// When somebody may wait for the rules to let go of an endpoint; which endpoints serve is in rules.test.ts.
import { expect, it } from "vitest";
import { hasDepartures } from "./endpoints.ts";
import type { EndpointSlice } from "./endpoints.ts";

const slice = (...endpoints: readonly (readonly [string, string?])[]): EndpointSlice => ({
  ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4", metadata: { name: "web-1" } },
  endpoints: endpoints.map(([address, state]) => ({
    addresses: [address],
    ...(state === undefined ? {} : { conditions: { ready: false, terminating: state === "terminating" } }),
  })),
});

it.each([
  ["one more", [["a"]], [["a"], ["b"]], false],
  ["the same", [["a"]], [["a"]], false],
  ["one less", [["a"], ["b"]], [["a"]], true],
  ["another in its place", [["a"]], [["b"]], true],
  ["one that is not ready", [["a"]], [["a", "unready"]], true],
  ["one that terminates", [["a"]], [["a", "terminating"], ["b"]], true],
] as const)("endpoints leave where there is %s: %s, then %s", (_what, before, after, leave) => {
  expect(hasDepartures(slice(...before), slice(...after))).toBe(leave);
});

it("a slice that is new takes nothing away", () => {
  expect([hasDepartures(undefined, slice(["a"])), hasDepartures(undefined, slice(["a", "unready"]))]).toEqual([
    false,
    true,
  ]);
});
