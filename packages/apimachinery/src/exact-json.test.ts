import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactInteger, parseJson } from "./exact-json.ts";
import { cloneJson, jsonEqual } from "./json-value.ts";

describe("integers beyond 2^53", () => {
  it("come out with the digits they went in with, whatever is done in between", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const text = `{"a":[${value},{"b":${value}}],"c":"${value}"}`;
        const parsed = parseJson(text);
        expect(JSON.stringify(parsed)).toBe(text);
        expect(JSON.stringify(structuredClone(cloneJson(parsed)))).toBe(text);
        expect(jsonEqual(parsed, parseJson(text))).toBe(true);
      }),
    );
  });

  it("differ when their digits do", () => {
    expect(jsonEqual(parseJson("9007199254740993"), parseJson("9007199254740992"))).toBe(false);
  });

  it("are numbers as far as numbers hold them, and where Go has a float64", () => {
    expect(parseJson('{"small":9007199254740991,"text":"12345678901234567890"}')).toEqual({
      small: 9007199254740991,
      text: "12345678901234567890",
    });
    expect(parseJson("[18446744073709551616,1e18,0.1234567890123456789]")).toEqual([
      2 ** 64,
      1e18,
      0.12345678901234568,
    ]);
    expect([exactInteger(5n), exactInteger(2n ** 60n)]).toEqual([5, 2n ** 60n]);
  });
});
