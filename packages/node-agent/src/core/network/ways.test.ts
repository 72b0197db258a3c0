import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, formatIPv4, parseCidr } from "./ipam.ts";
import { hardwareOf, mtusOf, overlap, planWays, refusal } from "./ways.ts";
import type { Link } from "./ways.ts";

const eth0: Link = { name: "eth0", mtu: 1500, addresses: ["192.168.1.10"], networks: ["192.168.1.0/24"] };
const view = { podCidr: "10.244.1.0/24", links: [eth0] } as const;
const near = { to: "10.244.2.0/24", via: "192.168.1.11" };
const far = { to: "10.244.3.0/24", via: "192.168.2.12" };
const tunnel = { to: "10.244.3.0/24", via: "10.244.3.0", machine: "192.168.2.12", hardware: "02:cf:c0:a8:02:0c" };

describe("the ways to other nodes' pods", () => {
  it("are straight on a shared link and wrapped beyond it", () => {
    expect(planWays([near, far], { ...view, mode: "auto" })).toEqual({
      direct: [near],
      tunnels: [tunnel],
      refused: [],
    });
  });

  it("are all straight, or all wrapped, where one says so", () => {
    expect(planWays([near, far], { ...view, mode: "routes" })).toEqual({
      direct: [near, far],
      tunnels: [],
      refused: [],
    });
    expect(planWays([near, far], { ...view, mode: "vxlan" }).tunnels.map(({ to }) => to)).toEqual([near.to, far.to]);
  });

  it("lead to no other agent of this machine", () => {
    const own = { to: "10.244.9.0/24", via: "192.168.1.10" };
    expect(planWays([own], { ...view, mode: "vxlan" })).toEqual({ direct: [], tunnels: [], refused: [] });
  });

  it("are refused to networks that overlap with ours, with the machine's or with another node's", () => {
    const ours = { to: "10.244.0.0/16", via: "192.168.1.11" };
    const machines = { to: "192.168.1.128/25", via: "192.168.1.12" };
    const again = { to: "10.244.2.128/25", via: "192.168.1.13" };
    expect(planWays([ours, machines, near, again], { ...view, mode: "auto" })).toEqual({
      direct: [near],
      tunnels: [],
      refused: [
        "the network 10.244.0.0/16 of the pods of 192.168.1.11 overlaps with 10.244.1.0/24, which is in use",
        "the network 192.168.1.128/25 of the pods of 192.168.1.12 overlaps with 192.168.1.0/24, which is in use",
        "the network 10.244.2.128/25 of the pods of 192.168.1.13 overlaps with 10.244.2.0/24, which is in use",
      ],
    });
  });

  it("give pods the largest packets of the link, less what wrapping needs", () => {
    const jumbo = { ...eth0, mtu: 9001 };
    expect(mtusOf("192.168.1.10", [jumbo], false)).toEqual({ overlay: 8951, pods: 9001 });
    expect(mtusOf("192.168.1.10", [jumbo], true)).toEqual({ overlay: 8951, pods: 8951 });
    expect(mtusOf(undefined, [jumbo], true)).toEqual({ overlay: 1450, pods: 1450 });
  });

  it("name each machine's end after its address", () => {
    expect(hardwareOf("10.0.255.1")).toBe("02:cf:0a:00:ff:01");
  });
});

describe("a node's own network of pods", () => {
  it.each([
    ["10.244.1.0/24", undefined],
    ["10.244.1.0/31", 'the pod CIDR "10.244.1.0/31" is not an IPv4 network with room for pods'],
    ["fd00::/64", 'the pod CIDR "fd00::/64" is not an IPv4 network with room for pods'],
    ["192.168.0.0/16", "the pod CIDR 192.168.0.0/16 overlaps with 192.168.1.0/24 of this machine's link eth0"],
  ])("%s: %s", (cidr, expected) => expect(refusal(cidr, [eth0])).toBe(expected));

  it("overlaps with another exactly when they have an address in common", () => {
    const cidr = fc
      .record({ base: fc.integer({ min: 0, max: 63 }), prefix: fc.integer({ min: 26, max: 32 }) })
      .map(({ base, prefix }) => `${formatIPv4(0x0a000000 + base)}/${prefix}`);
    fc.assert(
      fc.property(cidr, cidr, (one, other) => {
        const both = Array.from({ length: 64 }, (_unused, last) => formatIPv4(0x0a000000 + last)).some((address) =>
          [one, other].every((text) => {
            const parsed = parseCidr(text);
            return parsed !== undefined && contains(parsed, address);
          }),
        );
        expect(overlap(one, other)).toBe(both);
      }),
    );
  });
});
