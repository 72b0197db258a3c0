import { describe, expect, it } from "vitest";
import { goPattern } from "./patterns.ts";

describe("regular expressions of Go", () => {
  it.each([
    ["(?i)^a+$", "AaA", "b"],
    ["(?P<year>\\d{4})", "in 2026", "in 26"],
    ["\\Aa\\z", "a", "a\nb"],
    ["^[[:upper:]_]+$", "A_B", "a"],
    ["^[^[:space:]]+$", "ab", "a b"],
    ["^.{1,2}$", "é€", "abc"],
    ["^.$", "😀", "ab"],
    ["^\\p{Greek}$", "λ", "l"],
    ["^\\x{1F600}$", "😀", "x"],
    ["^[a-z\\_\\-]+$", "a_-", "A"],
  ])("%s matches %s, not %s", (pattern, good, bad) => {
    expect([goPattern(pattern)(good), goPattern(pattern)(bad)]).toEqual([true, false]);
  });

  it.each(["(?=a)", "(?<!a)b", "(a)\\1", "("])("%s is none", (pattern) => {
    expect(() => goPattern(pattern)).toThrow(SyntaxError);
  });

  it("may hold a sign that looks like a group", () => {
    expect(goPattern("^\\(\\?=a$")("(?=a")).toBe(true);
  });
});
