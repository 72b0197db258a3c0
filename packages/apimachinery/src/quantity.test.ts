import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  parseQuantity,
  quantityMillis,
  quantityUnits,
  subtractQuantities,
} from "./quantity.ts";

const amounts = fc
  .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom("", "m", "u", "n", "k", "M", "G", "Ki", "Mi", "Gi"))
  .map(([number, unit]) => `${number}${unit}`);

describe("a quantity", () => {
  it.each([
    ["0.5", "500m"],
    ["1024Mi", "1Gi"],
    ["1000m", "1"],
    ["1e3", "1e3"],
    ["1500m", "1500m"],
    ["0.5Gi", "512Mi"],
    ["1.5Ki", "1536"],
    ["0.0000000001", "1n"],
    ["12345678901234567890", "9223372036854775807"],
    ["-3m", "-3m"],
    ["0Gi", "0"],
    ["100E", "9223372036854775807"],
  ])("%s is written as %s", (given, written) => {
    expect(canonicalQuantity(given)).toBe(written);
  });

  it.each(["", "x", "1Q", "1.2.3", "--1", "1 Gi", "Gi"])("cannot be read from %j", (text) => {
    expect(() => parseQuantity(text)).toThrow(
      /quantities must match the regular expression|unable to parse quantity's suffix/,
    );
  });

  it("keeps its value through its canonical text, whose canonical text it is", () => {
    fc.assert(
      fc.property(amounts, (text) => {
        const canonical = canonicalQuantity(text);
        expect(canonicalQuantity(canonical)).toBe(canonical);
        expect(parseQuantity(canonical).nano).toBe(parseQuantity(text).nano);
      }),
    );
  });

  it("comes back when another is added and taken away", () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        expect(compareQuantities(subtractQuantities(addQuantities(a, b), b), a)).toBe(0);
      }),
    );
  });

  it("is rounded up to whole units and thousandths", () => {
    expect([quantityUnits("1500m"), quantityMillis("1500u"), quantityUnits("1Gi"), quantityMillis("2")]).toEqual([
      2, 2, 1073741824, 2000,
    ]);
  });
});
