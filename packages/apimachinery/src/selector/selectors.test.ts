import { describe, expect, it } from "vitest";
import { SelectorError } from "./label-parser.ts";
import { parseFieldSelector } from "./fields.ts";
import { labelSelectorMatcher, parseLabelSelector } from "./labels.ts";

const labels = { app: "web", tier: "front", size: "3" };

describe("a label selector", () => {
  it.each([
    ["", true],
    ["app=web", true],
    ["app==web,tier!=back", true],
    ["app in (web,db)", true],
    ["app notin (web)", false],
    ["missing notin (x)", true],
    ["app", true],
    ["!app", false],
    ["!missing", true],
    ["size>2", true],
    ["size<3", false],
    ["app=", false],
    ["in=x", false],
  ])("%j on the labels gives %s", (text, matches) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(matches);
  });

  it.each([
    ["a,,b", "found ',', expected: identifier after ','"],
    ["!!", "unable to parse requirement: found '!', expected: identifier"],
    ["a in x", "unable to parse requirement: found 'x' expected: '('"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["a=b c", "found 'c', expected: ',' or 'end of string'"],
  ])("refuses %j", (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
  });

  it("matches everything when empty and nothing when absent", () => {
    expect([labelSelectorMatcher({}).matches(labels), labelSelectorMatcher(undefined).matches(labels)]).toEqual([
      true,
      false,
    ]);
  });

  it("asks for labels and expressions together", () => {
    const selector = labelSelectorMatcher({
      matchLabels: { app: "web" },
      matchExpressions: [{ key: "tier", operator: "In", values: ["front", "back"] }],
    });
    expect([selector.toString(), selector.matches(labels), selector.matches({ app: "web" })]).toEqual([
      "app=web,tier in (back,front)",
      true,
      false,
    ]);
  });
});

describe("a field selector", () => {
  it.each([
    ["status.phase=Running", true],
    ["status.phase!=Running", false],
    ["spec.nodeName=", true],
    ["spec.nodeName!=", false],
    ["status.phase==Running,metadata.name=a\\,b", true],
  ])("%j on the fields gives %s", (text, matches) => {
    expect(
      parseFieldSelector(text).matches({ "status.phase": "Running", "metadata.name": "a,b", "spec.nodeName": "" }),
    ).toBe(matches);
  });

  it("says which value it demands of a field", () => {
    expect(parseFieldSelector("spec.nodeName=n1,x!=y").exact("spec.nodeName")).toBe("n1");
  });

  it.each([
    ["a=b,abc", "invalid selector: 'a=b,abc'; can't understand 'abc'"],
    ["a=b=c", "invalid field selector: unescaped character in value: 61"],
    ["a=b\\c", "invalid field selector: invalid escape sequence: \\c"],
    ["a=b\\", "invalid field selector: invalid escape sequence: \\"],
  ])("refuses %j", (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(new SelectorError(message));
  });
});
