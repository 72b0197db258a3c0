import { describe, expect, it } from "vitest";
import { containsAddress, parseIp, parseIpRange } from "./ip.ts";

describe("parseIp", () => {
  it.each([
    ["10.9.8.7", { family: 4, value: 0x0a090807n }],
    ["010.009.8.7", { family: 4, value: 0x0a090807n }],
    ["::ffff:1.2.3.4", { family: 4, value: 0x01020304n }],
    ["::1", { family: 6, value: 1n }],
    ["2001:db8::ffff", { family: 6, value: (0x20010db8n << 96n) + 0xffffn }],
    ["1:2:3:4:5:6:7:8", { family: 6, value: 0x00010002000300040005000600070008n }],
    ["fe80::1%eth0", undefined],
    ["1.2.3", undefined],
    ["1.2.3.256", undefined],
    ["1:2:3:4:5:6:7", undefined],
    ["1::2::3", undefined],
    ["", undefined],
  ])("reads %s", (text, wanted) => {
    expect(parseIp(text)).toEqual(wanted);
  });
});

describe("parseIpRange", () => {
  it.each([
    ["10.9.8.7/8", { base: { family: 4, value: 0x0a000000n }, bits: 8 }],
    ["2001:db8::/32", { base: { family: 6, value: 0x20010db8n << 96n }, bits: 32 }],
    ["10.0.0.0/33", undefined],
    ["10.0.0.0", undefined],
  ])("reads %s", (text, wanted) => {
    expect(parseIpRange(text)).toEqual(wanted);
  });

  it("says which addresses lie within", () => {
    const range = parseIpRange("10.96.0.0/12");
    const has = (text: string): boolean => {
      const address = parseIp(text);
      return range !== undefined && address !== undefined && containsAddress(range, address);
    };
    expect(["10.96.0.1", "10.111.255.255", "10.112.0.0", "::1"].map(has)).toEqual([true, true, false, false]);
  });
});
