import { describe, expect, it } from "vitest";
import { parseYaml, renderYaml } from "./yaml.ts";

describe("parseYaml", () => {
  it.each([
    ["yes", true],
    ["on", true],
    ["y", true],
    ["TRUE", true],
    ["off", false],
    ["n", false],
    ["0777", 511],
    ["0o17", 15],
    ["0b11", 3],
    ["1_000", 1000],
    ["12e3", 12000],
    [".5", 0.5],
    ["09", 9],
    ["0", 0],
    ["9223372036854775807", 9223372036854775807n],
    ["-9007199254740993", -9007199254740993n],
    ["0x7fffffffffffffff", 9223372036854775807n],
    ["18446744073709551616", 18446744073709551616],
    ["-0x10", -16],
    ["2024-01-01", "2024-01-01"],
    ["1:30", "1:30"],
    ["~", null],
    ["", null],
    ["'1'", "1"],
    ["1.2.3", "1.2.3"],
  ])("parseYaml reads the scalar %s as kubectl does", (text, value) => {
    expect(parseYaml(`a: ${text}`)).toEqual({ value: { a: value }, complaints: [] });
  });

  it("parseYaml lets later keys win and says which", () => {
    const text = 'a:\n  b: 1\n  b: 2\n  "c d": {x: 1, "x": 2}\n  b: 3\nl:\n- q: 1\n  q: 2\n';
    expect(parseYaml(text)).toEqual({
      value: { a: { b: 3, "c d": { x: 2 } }, l: [{ q: 2 }] },
      complaints: [
        'line 3: key "b" already set in map',
        'line 4: key "x" already set in map',
        'line 5: key "b" already set in map',
        'line 8: key "q" already set in map',
      ],
    });
  });

  it("renderYaml quotes and indents as Kubernetes does", () => {
    const value = {
      metadata: { resourceVersion: "7", creationTimestamp: "2026-01-01T00:00:00Z" },
      n: 1,
      list: [{ b: "x", a: [] }],
    };
    expect(renderYaml(value)).toBe(
      'list:\n- a: []\n  b: x\nmetadata:\n  creationTimestamp: "2026-01-01T00:00:00Z"\n  resourceVersion: "7"\n"n": 1\n',
    );
  });

  it("renderYaml writes what parseYaml reads, integers that numbers do not hold included", () => {
    const value = { a: 9223372036854775807n, b: [-9007199254740993n, 0, 1.5], c: "9223372036854775807", d: "0x10" };
    expect(parseYaml(renderYaml(value))).toEqual({ value, complaints: [] });
  });

  it("parseYaml says in which line it stumbled", () => {
    expect(parseYaml("a: {\nb")).toEqual({ error: expect.stringMatching(/^line 2: /) as string });
  });
});
