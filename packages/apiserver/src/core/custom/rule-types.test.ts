import { beforeAll, describe, expect, it } from "vitest";
import { fieldErrorText } from "@coxswain/apimachinery";
import { loadLanguage } from "../cel/lazily.ts";
import { ruleErrors } from "./rule-check.ts";
import type { JsonSchema } from "./structural.ts";

beforeAll(async () => void (await loadLanguage()));

const string: JsonSchema = { type: "string", maxLength: 10 };
const int: JsonSchema = { type: "integer" };
const object: JsonSchema = { type: "object", properties: { x: int, y: string, z: { type: "boolean" } } };
const listOf = (items: JsonSchema): JsonSchema => ({ type: "array", maxItems: 3, items });
const properties: Readonly<Record<string, JsonSchema>> = {
  i: int,
  d: { type: "number" },
  s: string,
  b: { type: "boolean" },
  bytes: { ...string, format: "byte" },
  time: { ...string, format: "date-time" },
  span: { ...string, format: "duration" },
  any: { "x-kubernetes-int-or-string": true },
  l: listOf(string),
  li: listOf(int),
  lo: listOf(object),
  m: { type: "object", maxProperties: 3, additionalProperties: string },
  o: object,
  free: { "x-kubernetes-preserve-unknown-fields": true },
  embedded: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
};

/** What is said of one rule, without the rule itself. */
function said(rule: object): string {
  const spec: JsonSchema = { type: "object", properties, "x-kubernetes-validations": [rule as never] };
  const openAPIV3Schema: JsonSchema = { type: "object", properties: { spec } };
  const definition = {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata: { name: "x" },
    spec: { versions: [{ name: "v1", schema: { openAPIV3Schema } }] },
  };
  const errors = ruleErrors(definition).map((error) => fieldErrorText(error).replace(/^.*?: .*?: \{.*?\}: /, ""));
  return errors.join("\n");
}

const faults = (answer: string): string[] =>
  [...answer.matchAll(/<input>:1:(\d+): (.*)/g)].map(([, column, words]) => `${column}: ${words}`);
const overload = (at: number, name: string, types: string): string =>
  `${at}: found no matching overload for '${name}' applied to '${types}'`;

describe("types of rules", () => {
  it.each([
    ["self.i == 'x'", overload(8, "_==_", "(int, string)")],
    ["self.d == self.i", overload(8, "_==_", "(double, int)")],
    ["self.i + 1.0 > 2.0", overload(8, "_+_", "(int, double)")],
    ["!self.i", overload(1, "!_", "(int)")],
    ["self.i || self.s", "5: expected type 'bool' but found 'int'", "15: expected type 'bool' but found 'string'"],
    ["self.b ? 1 : 'a'", overload(8, "_?_:_", "(bool, int, string)")],
    ["self.i == null", overload(8, "_==_", "(int, null)")],
    ["self.time == 'a'", overload(11, "_==_", "(timestamp, string)")],
    ["self.bytes == 'a'", overload(12, "_==_", "(bytes, string)")],
    ["self.span.getFullYear() == 1", overload(22, "getFullYear", "duration.()")],
    ["self.i.nope", "7: type 'int' does not support field selection"],
    ["self.free == 1", "5: undefined field 'free'"],
    ["self.embedded.spec == 1", "14: undefined field 'spec'"],
    ["self.embedded.metadata.name == 1", overload(29, "_==_", "(string, int)")],
    ["self.m.any == 1", overload(12, "_==_", "(string, int)")],
    ["self.m[1] == 'a'", overload(7, "_[_]", "(map(string, string), int)")],
    ["self.l['a'] == 'a'", overload(7, "_[_]", "(list(string), string)")],
    ["self.l + self.li == self.l", overload(8, "_+_", "(list(string), list(int))")],
    ["1 in self.l", overload(3, "@in", "(int, list(string))")],
    ["self.o == self", overload(8, "_==_", "(selfType.o, selfType)")],
    ["self.s.matches(1)", overload(15, "matches", "string.(int)")],
    ["self.s.matches('[')", "16: invalid matches argument"],
    ["duration('x') == self.span", "10: invalid duration argument"],
    ["timestamp('x') == self.time", "11: invalid timestamp argument"],
    ["self.s.startsWith()", overload(18, "startsWith", "string.()")],
    ["size(self.i) == 1", overload(5, "size", "(int)")],
    ["sets.contains(self.l, [1])", overload(14, "sets.contains", "(list(string), list(int))")],
    ["quantity('1').isGreaterThan(1)", overload(28, "isGreaterThan", "kubernetes.Quantity.(int)")],
    ["[1, 'a'].size() == 2", "5: expected type 'int' but found 'string'"],
    ["{'a': 1, 'b': self.any}.size() == 2", "19: expected type 'int' but found 'dyn'"],
    ["self.l.all(x, x)", "15: expected type 'bool' but found 'string'"],
    ["self.l.all(i, v, i == v)", overload(20, "_==_", "(int, string)")],
    ["self.l.filter(x, x).size() == 1", overload(14, "_?_:_", "(string, list(string), list(string))")],
    ["self.lo.map(x, x.x).all(n, n > 'a')", overload(30, "_>_", "(int, string)")],
    [
      "self.s.all(x, true)",
      "5: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)",
    ],
    ["self.?i.orValue('a') == 1", overload(16, "orValue", "optional_type(int).(string)")],
    ["self.o.?x == 1", overload(11, "_==_", "(optional_type(int), int)")],
  ])("%s does not fit", (rule, ...words) => {
    expect(faults(said({ rule }))).toEqual(words);
  });

  it("shows the place, with signs of other scripts as wide as they are", () => {
    expect(said({ rule: "self.s == 'ä' && self.i == 'x'" })).toBe(
      "compilation failed: ERROR: <input>:1:25: found no matching overload for '_==_' applied to '(int, string)'\n" +
        " | self.s == 'ä' && self.i == 'x'\n | ...........．............^",
    );
  });

  it.each([
    [{ rule: "self.i" }, "cel expression must evaluate to a bool"],
    [{ rule: "self.any" }, "cel expression must evaluate to a bool"],
    [{ rule: "true", messageExpression: "self.i" }, "messageExpression must evaluate to a string"],
    [{ rule: "oldSelf.i == 1", optionalOldSelf: true }, overload(11, "_==_", "(optional_type(int), int)")],
  ])("%j is of a wrong type", (rule, words) => {
    const answer = said(rule);
    expect(faults(answer)[0] ?? answer).toBe(words);
  });

  it.each([
    "self.any == 1 && self.any == 'a' && self.any != true",
    "type(self.any) == string ? self.any.matches(r'^\\d+%$') : self.any > 0",
    "self.i < 1.5 && self.d >= 0 && self.i % 2 == 0 && -self.i == -1",
    "self.o == null || self.o == oldSelf.o || self.time == null",
    "self.time - self.time > duration('1m30s') && self.time + self.span > timestamp('2020-01-01T00:00:00Z')",
    "[] == self.l && {} == self.m && [[], [1]].size() == 2 && self.l + [] == ['a']",
    "'%s %d'.format([self.s, self.i]) == 'a' && dyn(self.i) == dyn(self.s)",
    "self.lo.all(a, self.lo.exists_one(b, a.x == b.x && (has(a.y) ? a.y : 'z') == b.y))",
    "[has(self.i), has(self.s)].filter(x, x).size() <= 1 && self.lo.map(x, x.x).sum() < 9",
    "self.m.all(k, self.m[k] == k) && self.m.exists(k, v, k == v) && 'a' in self.m",
    "self.l.transformMap(i, v, v)[0] == 'a' && self.l.transformList(i, v, v.size()) == [1]",
    "self.?o.x.orValue(0) == 0 && self.m[?'a'].orValue('b') == 'a' && self.?o.?y.hasValue()",
    "sets.intersects(self.l, ['a']) && self.l.indexOf('a') == 0 && self.l.isSorted() && self.l.join(',') == ''",
    "url(self.s).getQuery()['a'] == ['b'] && cidr('10.0.0.0/8').containsIP(ip(self.s))",
    "quantity(self.s).add(1).compareTo(quantity('3')) == 0 && semver(self.s).major() == 1",
    "!format.dns1123Label().validate(self.s).hasValue() && self.embedded.metadata.name == 'a'",
    "string(self.i) == self.s && int(self.time) > 0 && double(self.i) == self.d && bytes(self.s) == self.bytes",
  ])("%s fits", (rule) => {
    expect(said({ rule })).toBe("");
  });
});
