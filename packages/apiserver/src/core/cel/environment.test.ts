import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../custom/structural.ts";
import { Budget, CelError, compile } from "./environment.ts";
import { optional } from "./dynamic-values.ts";
import { celValue } from "./values.ts";

const schema: JsonSchema = {
  type: "object",
  properties: {
    replicas: { type: "integer" },
    ratio: { type: "number" },
    port: { "x-kubernetes-int-or-string": true },
    name: { type: "string" },
    "dashed-name": { type: "string" },
    namespace: { type: "string" },
    since: { type: "string", format: "date-time" },
    pause: { type: "string", format: "duration" },
    tags: { type: "array", items: { type: "string" } },
    labels: { type: "object", additionalProperties: { type: "string" } },
    steps: {
      type: "array",
      items: { type: "object", properties: { name: { type: "string" }, cost: { type: "integer" } } },
    },
  },
};
const self = celValue(
  {
    replicas: 3,
    ratio: 0.5,
    port: 80,
    name: "abc",
    "dashed-name": "d",
    namespace: "n",
    since: "2024-01-01T00:00:00Z",
    pause: "1m30s",
    tags: ["a", "b"],
    labels: { "app.kubernetes.io/name": "x", constructor: "y" },
    steps: [
      { name: "one", cost: 1 },
      { name: "two", cost: 2 },
    ],
    unknown: 1,
  },
  schema,
);

const rule = { self: "dyn", oldSelf: "dyn" };
const failureOf = (expression: string): string => {
  try {
    compile(expression, rule).run({ self });
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
  return "no failure";
};

describe("expressions", () => {
  it.each([
    "self.replicas + 1 == 4 && self.replicas / 2 == 1",
    "self.ratio < 1 && self.ratio == 0.5",
    "type(self.replicas) == int && type(self.port) == int && type(self.ratio) == double",
    "has(self.name) && !has(self.nothing) && !has(self.unknown) && !has(self.toString)",
    "self.nothing == 1 || self.replicas == 3",
    "self.__dash__ == 1 || self.dashed__dash__name == 'd' && self.__namespace__ == 'n'",
    "self.since > timestamp('2023-12-31T23:59:59Z') && self.pause == duration('90s')",
    "self.labels['app.kubernetes.io/name'] == 'x' && 'constructor' in self.labels && !('toString' in self.labels)",
    "self.steps.all(s, s.cost > 0) && self.steps.exists_one(s, s.name == 'one')",
    "self.steps.map(s, s.cost).sum() == 3 && self.steps.filter(s, s.cost > 1).size() == 1",
    "self.?nothing.orValue('x') == 'x' && self.?name.hasValue()",
    "self.tags.isSorted() && self.tags.indexOf('b') == 1 && self.tags.lastIndexOf('c') == -1",
    "[3, 1, 2].max() == 3 && [3, 1, 2].min() == 1 && ![3, 1].isSorted()",
    "sets.contains(self.tags, ['a']) && sets.equivalent(self.tags, ['b', 'a']) && !sets.intersects(self.tags, ['c'])",
    "self.name.matches('^[a-z]+$') && self.name.charAt(1) == 'b' && self.name.replace('b', 'x') == 'axc'",
    "self.name.matches('(?i)^ABC$') && 'x1'.matches('^[[:alpha:]][[:digit:]]$') && matches('a', '\\\\Aa\\\\z') && !self.name.matches('d')",
    "self.tags.all(t, t.matches('^[ab]$')) && 'aXbx'.findAll('(?i)x') == ['X', 'x']",
    "self.name.find('[bc]') == 'b' && self.name.findAll('[bc]') == ['b', 'c'] && 'aaa'.replace('a', 'b', 2) == 'bba'",
    "'%s has %d of %.1f%%: %s'.format([self.name, self.replicas, 2.5, self.tags]) == 'abc has 3 of 2.5%: [a, b]'",
    "quantity('1Gi').isGreaterThan(quantity('500Mi')) && quantity('1').add(quantity('500m')) == quantity('1500m')",
    "isQuantity('1Gi') && !isQuantity('x') && quantity('2k').asInteger() == 2000",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1')) && ip('::1').isLoopback()",
    "isIP('1.2.3.4') && !isIP('01.2.3.4') && ip('1.2.3.4').family() == 4 && cidr('10.0.0.0/8').prefixLength() == 8",
    "isURL('https://a.example:8080/x?y=z') && url('https://a.example:8080/x?y=z').getPort() == '8080' && !isURL('a b')",
    "url('https://a.example/x?y=z').getQuery() == {'y': ['z']} && url('/x').getHost() == ''",
    "!format.dns1123Label().validate('abc').hasValue() && format.dns1123Label().validate('A').value().size() == 1",
    "format.named('uuid').value().validate('x').value() == ['does not match the UUID format'] && !format.named('no').hasValue()",
    "!format.dns1123LabelPrefix().validate('abc-').hasValue() && format.date().validate('2026-13-01').hasValue()",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').compareTo(semver('1.0.0')) == -1 && semver('1.2.3').minor() == 2",
    "isSemver('1.2.3-a+b') && !isSemver('v1.2') && isSemver('v1.2', true) && semver('v01.2', true) == semver('1.2.0')",
    "self.labels.all(k, v, k != v) && !self.labels.exists(k, v, v == 'z') && self.tags.exists(i, t, i == 1 && t == 'b')",
    "self.tags.transformList(i, t, t + string(i)) == ['a0', 'b1'] && self.tags.transformList(i, t, i > 0, t) == ['b']",
    "self.labels.transformMap(k, v, v + 'x')['constructor'] == 'yx' && self.tags.transformMapEntry(i, t, {t: i})['b'] == 1",
    "self.steps.all(i, s, self.tags.existsOne(j, t, i == j)) && self.tags.exists(i, t, t == 'a' || 1 / i == 0)",
    "has(self.steps[0].cost) && !has(self.steps[1].nothing) && self.steps.all(s, has([s][0].name))",
    "cel.bind(most, self.steps.map(s, s.cost).max(), most == 2)",
  ])("%s", (expression) => {
    expect(compile(expression, rule).run({ self })).toBe(true);
  });

  it("fail in the evaluator's words", () => {
    expect(failureOf("self.nothing == 1")).toBe("no such key: nothing");
    expect(failureOf("self.replicas / 0 == 1")).toBe("division by zero");
    expect(failureOf("self.tags.filter(t, false).max() == ''")).toBe("max called on empty list");
    expect(failureOf("self.name.matches('(?=a)')")).toBe("Illegal regex: (?=a)");
    expect(failureOf("self.replicas.matches('a')")).toBe("found no matching overload for 'int.matches(string)'");
    expect(() => compile("self.replicas +", rule)).toThrow(CelError);
    expect(() => compile("self.replicas == 1 && other == 1", rule)).toThrow(
      expect.objectContaining({
        message: "undeclared reference to 'other' (in container '')",
        located:
          "ERROR: <input>:1:23: undeclared reference to 'other' (in container '')\n | self.replicas == 1 && other == 1\n | ......................^",
      }),
    );
    expect(() => compile("self.name.shout()", rule)).toThrow(CelError);
  });

  it("know whether they speak of the value of before, which may be optional", () => {
    const old = celValue({ replicas: 2 }, schema);
    expect(compile("self.name == 'oldSelf'", rule).uses("oldSelf")).toBe(false);
    const transition = compile("self.tags.all(t, oldSelf.replicas == 2)", rule);
    expect([transition.uses("oldSelf"), transition.type]).toEqual([true, "bool"]);
    expect(compile("self.replicas > oldSelf.replicas", rule).run({ self, oldSelf: old })).toBe(true);
    const either = compile("!oldSelf.hasValue() || oldSelf.value().replicas == 2", {
      ...rule,
      oldSelf: "optional<dyn>",
    });
    const given = [old, undefined, self].map((before) => either.run({ self, oldSelf: optional(before) }));
    expect(given).toEqual([true, true, false]);
  });

  it("cost what they look at, and end where the budget does, whatever the rest of the expression says", () => {
    const many = new Map([["items", Array.from({ length: 2000 }, (_, at) => BigInt(at))]]);
    const squared = compile("true || self.items.all(x, self.items.all(y, x + y >= 0))", rule);
    expect(squared.run({ self: many })).toBe(true);
    const nested = compile("self.items.all(x, self.items.all(y, x + y >= 0)) || true", rule);
    const over = "operation cancelled: actual cost limit exceeded";
    expect(() => nested.run({ self: many })).toThrow(expect.objectContaining({ message: over, isOutOfBudget: true }));
    const budget = new Budget(20_000);
    const once = compile("self.items.all(x, x >= 0)", rule);
    expect(once.run({ self: many }, budget)).toBe(true);
    expect(budget.left).toBeLessThan(12_000);
    expect(() => {
      once.run({ self: many }, budget);
      once.run({ self: many }, budget);
    }).toThrow("validation failed due to running out of cost budget, no further validation rules will be run");
  });
});
