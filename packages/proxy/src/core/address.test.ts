import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, canonicalRange, familyOf, isReachable, isWithin } from "./address.ts";

describe("addresses", () => {
  it("are of the family that Node says, or of none", () => {
    const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(text, (address) => {
        const expected = { 0: undefined, 4: "ipv4", 6: "ipv6" }[isIP(address)];
        // Node refuses leading zeros, as Kubernetes does; ours are only compared where there are none.
        if (!/(^|\.)0\d/.test(address)) expect(familyOf(address)).toBe(expected);
      }),
    );
  });

  it.each([
    ["FD00:0:0::1", "fd00::1"],
    ["2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
    ["::", "::"],
    ["10.0.0.1", "10.0.0.1"],
  ])("%s is written %s", (address, written) => {
    expect(canonicalAddress(address)).toBe(written);
  });

  it("ranges lose their host bits, and hold what Node says that they hold", () => {
    expect(canonicalRange("10.1.2.3/12", "ipv4")).toBe("10.0.0.0/12");
    expect(canonicalRange("fd00::ffff/112", "ipv6")).toBe("fd00::/112");
    expect([canonicalRange("10.0.0.0/33", "ipv4"), canonicalRange("fd00::/8", "ipv4")]).toEqual([undefined, undefined]);
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, network, bits) => {
        const list = new BlockList();
        list.addSubnet(network, bits, "ipv4");
        expect(isWithin(address, `${network}/${bits}`)).toBe(list.check(address, "ipv4"));
      }),
    );
  });

  it.each([
    "127.0.0.1",
    "0.0.0.0",
    "169.254.169.254",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "nowhere",
  ])("%s is no place for a backend", (address) => {
    expect(isReachable(address, address.includes(":") ? "ipv6" : "ipv4")).toBe(false);
  });
});
